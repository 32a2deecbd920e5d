"""What can be wrong with a request or with its answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Rule(Enum):
    """What is broken; the value is the sentence, with ``it`` for the request or the certificate."""

    UNREADABLE = "it cannot be read: {found}"
    NAMES_UNREADABLE = "its names cannot be read"

    SIGNATURE = "it is not signed with its own key"
    KEY_TYPE = "its key is not an RSA key: {found}"
    KEY_SIZE = "its key has {found} bits, not {wanted}"
    NAME_MISSING = "{wanted} is not among its names"
    NAME_EXTRA = "{found} is among its names, and was not asked for"
    SUBJECT_MISSING = "its subject lacks {wanted}"
    SUBJECT_EXTRA = "its subject has {found}, which was not asked for"

    CUT_OFF = "it is cut off: {found}"
    PRIVATE_KEY = "it holds a private key"
    PKCS12 = "it is a PKCS#12 file, which holds a private key"
    NOT_OPENED = "it is no PKCS#12 file, or has another password"
    NO_KEY = "it does not hold a private key and its certificate"
    OTHER_PAIR = "its private key is not that of its certificate"
    WEB_PAGE = "it is a web page, with the title {found}"
    REQUEST = "it is a certificate request, not the answer to one"

    OTHER_KEY = "it is for another key than the request's"
    LEAF_NOT_FIRST = "the certificate for the request's key is number {found} in the chain, not the first"
    CHAIN_BROKEN = "certificate {found} of the chain was not issued by the one after it"
    NOT_RENEWED = "it is the certificate that is to be renewed, or one before it"
    STRAY = "{found} was sent with it, and does not belong to its chain"
    UNCOVERED = "it does not cover {wanted}"
    NOT_YET_VALID = "it is not valid before {found}"
    EXPIRED = "it was valid until {found}"
    NOT_FOR_SERVERS = "its extended key usage does not allow TLS servers"
    KEY_USAGE = "its key usage allows neither signatures nor key encipherment"
    WEAK_SIGNATURE = "{found} is signed with {wanted}, which can be forged"
    WEAK_KEY = "the key of {found} has {wanted} bits, which are too few"
    AUTHORITY = "it is the certificate of an authority"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        found: What is there; "" where the rule says it all.
        wanted: What should be.
    """

    rule: Rule
    found: str = ""
    wanted: str = ""

    def __str__(self) -> str:
        return self.rule.value.format(found=self.found, wanted=self.wanted)
