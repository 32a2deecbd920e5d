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
    rules: tuple[Rule, ...]
    summary: str
    hint: str


_TOLD: Final = (
    _Told(
        (Rule.PRIVATE_KEY, Rule.PKCS12),
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
    _Told((Rule.REQUEST,), "Request instead of its answer", "give what the authority made of the request"),
    _Told(
        (Rule.OTHER_KEY,),
        "Answer to another request",
        "fetch the certificate that was issued for this request, or give the authority this request again: a "
        "certificate for another key cannot be used on the server",
    ),
    _Told(
        (Rule.STRAY, Rule.LEAF_NOT_FIRST, Rule.CHAIN_BROKEN),
        "Chain not in order",
        "leave out what does not belong to it: the certificate, and those that issued it, are enough",
    ),
    _Told((Rule.EXPIRED,), "Certificate expired", "have the authority issue it again for the same request"),
    _Told(
        (Rule.NOT_YET_VALID,),
        "Certificate not valid yet",
        "apply again after that; where it surprises, compare the clocks of this machine and of the authority",
    ),
    _Told(
        (Rule.UNCOVERED, Rule.NAMES_UNREADABLE),
        "Certificate lacks names",
        "have the authority issue it again with all names that the request has",
    ),
    _Told(
        (Rule.WEAK_SIGNATURE, Rule.WEAK_KEY),
        "Certificate too weak",
        "have it issued with SHA-256 or better, by an authority whose keys have 2048 bits or more",
    ),
)
"""The first that fits gives the summary: what must be done at once stands before what can wait."""

_OTHERWISE: Final = _Told(
    (), "Certificate not as requested", "mend the issuer; the request stays and is used again"
)


def wrong_answer(address: Address, source: str, problems: Sequence[Problem]) -> Diagnostic:
    """Tell that an answer is not taken, and why.

    Args:
        source: Who gave it, such as ``issuer desk``, or the file that it was read from.
        problems: At least one.
    """
    rules = {problem.rule for problem in problems}
    told = next((one for one in _TOLD if rules & {*one.rules}), _OTHERWISE)
    return Diagnostic(
        summary=told.summary,
        detail=f"What {source} gave for {address} was not imported: {'; '.join(map(str, problems))}.",
        hint=told.hint,
        subject=str(address),
    )
