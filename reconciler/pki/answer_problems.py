"""What a person is told of a wrong answer: one summary and one next step for each way to be wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.diagnostics import Diagnostic
from reconciler.pki.problem import Problem, Rule
from state.address import Address


@dataclass(frozen=True, slots=True)
class _Told:
    """What is told of some rules.

    Attributes:
        bought: The hint where no request was answered: the certificate was bought with its key.
    """

    rules: tuple[Rule, ...]
    summary: str
    hint: str
    bought: str = ""


_TOLD: Final = (
    _Told(
        (Rule.PKCS12,),
        "Private key in the answer",
        "was it bought with its key: certificates --answer takes it with --password REFERENCE; if not, treat "
        "that key as compromised: delete it wherever it lies, and have certificates for it revoked",
    ),
    _Told(
        (Rule.NOT_OPENED,),
        "PKCS#12 not opened",
        "see that it is the file that was bought, whole, and that --password leads to its password: openssl "
        "pkcs12 -in FILE -info -noout asks for it",
    ),
    _Told(
        (Rule.NO_KEY, Rule.OTHER_PAIR, Rule.KEY_TYPE),
        "PKCS#12 without a usable key",
        "export it again with the private key of the certificate, an RSA key",
    ),
    _Told(
        (Rule.PRIVATE_KEY,),
        "Private key in the answer",
        "treat that key as compromised: delete it wherever it lies, and have certificates for it revoked; "
        "what is needed is the certificate alone, for the key that never left its server",
    ),
    _Told(
        (Rule.WEB_PAGE,),
        "Web page instead of a certificate",
        "look at the page in a browser: it may ask to sign in, or tell an error; take the certificate itself",
    ),
    _Told((Rule.CUT_OFF,), "Answer cut off", "fetch it again, whole"),
    _Told(
        (Rule.UNREADABLE,),
        "Certificate not as requested",
        "give what the authority made of the request: PEM, DER or PKCS#7; the request is used again",
        "give the file that was bought",
    ),
    _Told((Rule.REQUEST,), "Request instead of its answer", "give what the authority made of the request"),
    _Told(
        (Rule.OTHER_KEY, Rule.NOT_RENEWED),
        "Answer to another request",
        "fetch the certificate that was issued for this request, or give the authority this request again: a "
        "certificate for another key cannot be used on the server",
    ),
    _Told(
        (Rule.STRAY, Rule.LEAF_NOT_FIRST, Rule.CHAIN_BROKEN),
        "Chain not in order",
        "leave out what does not belong to it: the certificate, and those that issued it, are enough",
    ),
    _Told(
        (Rule.EXPIRED,),
        "Certificate expired",
        "have the authority issue it again for the same request",
        "buy another one",
    ),
    _Told(
        (Rule.NOT_YET_VALID,),
        "Certificate not valid yet",
        "apply again after that; where it surprises, compare the clocks of this machine and of the authority",
    ),
    _Told(
        (Rule.UNCOVERED, Rule.NAMES_UNREADABLE),
        "Certificate lacks names",
        "have the authority issue it again with all names that the request has",
        "buy one with all names that are declared, or declare those that it has",
    ),
    _Told(
        (Rule.WEAK_SIGNATURE, Rule.WEAK_KEY),
        "Certificate too weak",
        "have it issued with SHA-256 or better, by an authority whose keys have 2048 bits or more",
    ),
)
"""The first that fits gives the summary: what must be done at once stands before what can wait."""

_OTHERWISE: Final = _Told(
    (),
    "Certificate not as requested",
    "mend the issuer; the request stays and is used again",
    "take one that is as it is declared",
)


def wrong_answer(
    address: Address, source: str, problems: Sequence[Problem], *, is_bought: bool = False
) -> Diagnostic:
    """Tell that an answer is not taken, and why.

    Args:
        source: Who gave it, such as ``issuer desk``, or the file that it was read from.
        problems: At least one.
        is_bought: It answers no request: it came with its key.
    """
    rules = {problem.rule for problem in problems}
    told = next((one for one in _TOLD if rules & {*one.rules}), _OTHERWISE)
    return Diagnostic(
        summary=told.summary,
        detail=f"What {source} gave for {address} was not imported: {'; '.join(map(str, problems))}.",
        hint=(told.bought if is_bought else "") or told.hint,
        subject=str(address),
    )
