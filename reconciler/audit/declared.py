"""Explains which live certificate a declared one means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from reconciler.pki.asked import asked_domains
from reconciler.pki.coverage import uncovered
from reconciler.pki.presenting import WhyNot, why_unusable
from reconciler.pki.selection import Selection, may_be_pending, select
from state.resources import Certificate
from state.values import UNSET

from .explanation import Explanation, Option, Part
from .organization import certificate_text

_RULES = {
    "record": "the recorded public key",
    "mark": "the mark of this tool in the friendly name",
    "coverage": "a valid certificate with a key that covers the names; the one that began last",
    None: "the recorded public key, else the mark of this tool, else a valid one that covers the names",
}


def explain_certificate(
    subject: str,
    asked: Certificate,
    live: Sequence[Certificate],
    recorded_key: str | None,
    mark: str,
    now: datetime,
) -> Explanation:
    """Explain the choice of :func:`reconciler.pki.selection.select`; the arguments are its own."""
    selection = select(asked, live, recorded_key, mark, now)
    chosen = selection.certificate
    options = []
    if chosen is not None:
        end = " but has expired" if why_unusable(chosen, now) is WhyNot.EXPIRED else ""
        options.append(Option(certificate_text(chosen), f"is the declared one{end}", is_chosen=True))
    rest = [one for one in live if one is not chosen]
    options += [Option(certificate_text(one), _why_not(one, asked, selection, now)) for one in rest]
    notes = () if chosen is not None else (_nothing(asked, selection),)
    server = asked.home[0] if isinstance(asked.home, tuple) and asked.home else ""
    unrecorded = () if recorded_key else ("The record knows no key of it.",)
    return Explanation(subject, (Part(str(server), _RULES[selection.by], tuple(options), notes),), unrecorded)


def _why_not(one: Certificate, asked: Certificate, selection: Selection, now: datetime) -> str:
    if one in selection.unclear:
        return "may be the one: what decides could not be read"
    match selection.by:
        case "record":
            return "has another key"
        case "mark":
            return "has no mark of this declaration, or is not the best of those that have"
    return ", ".join(_failings(one, asked, now)) or _why_less(one, selection.certificate)


def _why_less(one: Certificate, chosen: Certificate | None) -> str:
    """Why one that will do is not the one."""
    begins = (one.not_before, chosen.not_before if chosen is not None else UNSET)
    if begins[0] == begins[1] or not all(isinstance(each, datetime) for each in begins):
        return "ends sooner than the chosen one"
    return "began before the chosen one"


def _failings(one: Certificate, asked: Certificate, now: datetime) -> Iterator[str]:
    """Everything that speaks against one by its names, dates and key."""
    wanted = asked_domains(asked)
    if not isinstance(one.domains, frozenset):
        yield "has names that could not be read"
    elif missing := sorted(map(str, uncovered(one.domains, wanted))):
        yield f"does not cover {', '.join(missing)}"
    why = why_unusable(one, now)
    if why in (WhyNot.EXPIRED, WhyNot.NOT_YET, WhyNot.NO_KEY, WhyNot.PENDING):
        yield why.value
    elif may_be_pending(one):
        yield "may be a request without its answer"
    elif isinstance(one.status, str) and one.status not in ("Valid", "RevocationCheckFailure"):
        yield f"has the status {one.status}"
    if asked.issuer is not UNSET and one.self_signed is True:
        yield "signed itself, and an issuer is declared"


def _nothing(asked: Certificate, selection: Selection) -> str:
    if selection.unclear:
        return "what could not be read may be the one"
    return (
        "none is: apply requests one"
        if asked.issuer is not UNSET
        else "none is, and none is requested: no issuer"
    )
