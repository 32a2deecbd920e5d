"""What the gate of an apply has to say to a person, one function a problem."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.diagnostics import Diagnostic, Severity
from reconciler.verify.chain import UNKNOWN_ISSUER, AuthorityUnreadable
from reconciler.verify.comparison import is_worse, level
from reconciler.verify.endpoints import Checked, Target
from reconciler.verify.gate import Seen
from reconciler.verify.starttls import Fault
from state.errors import StateError

_SERVICE = "look at its transport service (event 12014 names a certificate that it cannot find)"
_INTERMEDIATE = (
    "import the certificate that is missing into Intermediate Certification Authorities of the computer, on "
    "that server"
)
_AGAIN = "then reconciler verify PATH"
_OWN_ROOT = (
    "where its issuer is itself the root of an authority of your own, name that certificate with ca: of the "
    "issuer in the YAML"
)


def not_served(seen: Seen) -> Diagnostic:
    return Diagnostic(
        summary="Certificate not served",
        detail=(
            f"{_who(seen.watched.target)} {seen.checked.problem}. It is no worse than before, so nothing was "
            f"taken back; waited for were at most {_span(seen.watched.seconds)}."
        ),
        hint=f"{_INTERMEDIATE}, {_AGAIN}; {_OWN_ROOT}" if _is_short(seen) else f"{_SERVICE}, {_AGAIN}",
        subject=_subject(seen.watched.target),
    )


def _span(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"


def _is_short(seen: Seen) -> bool:
    """Whether a certificate between that of the server and its root was not sent."""
    return any(
        problem.fault is Fault.SHORT_CHAIN
        or (problem.fault is Fault.UNTRUSTED and problem.detail.startswith(UNKNOWN_ISSUER))
        for problem in seen.handshake.problems
    )


def lost(seen: Seen) -> Diagnostic:
    return Diagnostic(
        summary="Endpoint not to be seen any more",
        detail=(
            f"{_who(seen.watched.target)} {seen.checked.problem}; before the apply it answered. What it "
            "presents is not known, so nothing was taken back."
        ),
        hint=f"{_SERVICE} and at the way to it, {_AGAIN}",
        subject=_subject(seen.watched.target),
    )


def not_seen(unseen: Sequence[Seen]) -> Diagnostic:
    each = "; ".join(f"{_who(one.watched.target)} {one.checked.problem}" for one in unseen)
    return Diagnostic(
        summary="Endpoint not seen",
        detail=f"Everything was done; what the world is presented is not known: {each}.",
        hint="run reconciler verify PATH from where these addresses can be reached",
        severity=Severity.WARNING,
    )


def not_judged(error: AuthorityUnreadable) -> Diagnostic:
    return Diagnostic(
        summary="Authority not readable",
        detail=(
            f"{error}. Who signed what the endpoints present is not judged without it: nothing is taken back "
            "for that, and nothing counts as served."
        ),
        hint=f"correct certificate or ca of the issuer, {_AGAIN}",
        severity=Severity.WARNING,
    )


def worse_there(seen: Seen) -> Diagnostic:
    return Diagnostic(
        summary="STARTTLS got worse",
        detail=(
            f"{_who(seen.watched.target)} {seen.checked.problem}, which it did not before. Nothing tells "
            "which of the servers behind it that is, so nothing was taken back for it."
        ),
        hint="look at each server that answers there, and at what stands before them",
    )


def worse_and_stays(seen: Seen) -> Diagnostic:
    return Diagnostic(
        summary="STARTTLS got worse",
        detail=(
            f"{_who(seen.watched.target)} {seen.checked.problem}, which it did not before. There is no step "
            "back: what was applied has none, or the new certificate has the issuer and subject of the one "
            "before, so that no binding leads back to it."
        ),
        hint=f"{_SERVICE}; the one before is still in the store",
        subject=_subject(seen.watched.target),
    )


def worse_and_not_taken_back(seen: Seen) -> Diagnostic:
    return Diagnostic(
        summary="STARTTLS got worse",
        detail=(
            f"{_who(seen.watched.target)} {seen.checked.problem}, which it did not before. The step back did "
            "not come to its end."
        ),
        hint="mend what stopped it; the plan showed its commands below each change: run what is left by hand",
        subject=_subject(seen.watched.target),
    )


def not_noted(error: StateError) -> Diagnostic:
    return Diagnostic(
        summary="Record not written",
        detail=f"{error}. All was sent that is told here; what was seen afterwards is not remembered.",
        hint="free the place of the record, and apply again",
    )


def worse_meanwhile(checked: Checked) -> Diagnostic:
    return Diagnostic(
        summary="STARTTLS got worse",
        detail=f"{_who(checked.target)} {checked.problem}, which it did not before this apply.",
        hint="mend what stopped it, and run apply again: it goes on from there",
        subject=_subject(checked.target),
    )


def taken_back(seen: Seen, addresses: Sequence[str], after: Checked) -> Diagnostic:
    before = seen.watched.before
    is_back = level(after.handshake) is not None and not is_worse(after.handshake, before)
    now = "now it is as it was before" if is_back else f"now it {after.problem}"
    return Diagnostic(
        summary="Stepped back",
        detail=(
            f"{_who(seen.watched.target)} {seen.checked.problem}, which it did not before. Taken back: "
            f"{', '.join(addresses)}; {now}."
        ),
        hint="the next plan has it again, with a warning: look for the cause before it is applied",
        subject=_subject(seen.watched.target),
    )


def interrupted(left: int) -> Diagnostic:
    return Diagnostic(
        summary="Verification interrupted",
        detail=f"Everything that was planned is done; for {left} of the endpoints nobody waited to see it.",
        hint="reconciler verify PATH shows what the world is presented",
        severity=Severity.WARNING,
    )


def _who(target: Target) -> str:
    if target.server is None:
        return f"{target.name} at its published address {target.address}"
    return f'"{target.server}" as {target.name}'


def _subject(target: Target) -> str:
    return "" if target.server is None else str(target.server)
