"""Progress for people: one line for each thing that is done, and what came of it all."""

from __future__ import annotations

from reconciler.events import (
    ApplyFinished,
    CertificateRevoked,
    EndpointChecked,
    Event,
    InvocationFinished,
    IssueFinished,
    IssueWaiting,
    ReadFinished,
    ResourceRecorded,
    Retrying,
    ServingAwaited,
    SteppingBack,
)

from .terminal import Ink, counted, harmless


def render_event(event: Event, *, colour: bool = False) -> str:
    """One line, ended, for what has come to an end; "" for what only begins.

    A handshake has its line in :func:`reconciler.views.verify_text.render_verification`.
    """
    ink = Ink(colour)
    match event:
        case ReadFinished(server=server, error=error):
            return _line(ink, server, "read", error)
        case Retrying(server=server, error=error):
            again = f"{event.doing} again in {event.seconds} s, {event.attempt} of {event.attempts}"
            return f"{harmless(server)}  {ink.yellow(again)}: {harmless(error)}\n"
        case InvocationFinished(server=server, cmdlet=cmdlet, address=address, error=error):
            who = f"[{event.number}/{event.total}] {server}"
            return _line(ink, who, f"{cmdlet}  {address}", error, in_doubt=event.in_doubt)
        case IssueFinished(issuer=issuer, address=address, error=error):
            until = f"  valid until {event.not_after}" if event.not_after else ""
            return _line(ink, issuer, f"issued  {address}{until}", error)
        case IssueWaiting(issuer=issuer, address=address, reason=reason, next_try=next_try):
            again = f"; asked again from {next_try}" if next_try else ""
            return (
                f"{harmless(issuer)}  {harmless(address)}  {ink.cyan('waits')}: {harmless(reason + again)}\n"
            )
        case CertificateRevoked(issuer=issuer, address=address):
            return _line(ink, issuer, f"revoked  {event.thumbprint}, which {address} replaced", "")
        case ResourceRecorded(address=address, action=action):
            return _line(ink, "record", f"{action}  {address}", "")
        case ServingAwaited(reason=reason, seconds=seconds):
            until = ink.cyan(f"waits up to {seconds} s")
            return f"{harmless(_endpoint(event))}  {until}: {harmless(reason)}\n"
        case EndpointChecked(problem=problem):
            what = f"presents {event.subject}" if event.subject else "checked"
            if event.only_told and problem:
                return f"{harmless(_endpoint(event))}  {harmless(what)}  {ink.yellow(harmless(problem))}\n"
            return _line(ink, _endpoint(event), what, problem)
        case SteppingBack(certificate=certificate, reason=reason):
            what = ink.red(f"steps back from {harmless(certificate)}")
            return f"{harmless(event.server)} as {harmless(event.name)}  {what}: {harmless(reason)}\n"
        case ApplyFinished():
            return f"{_outcome(event, ink)}\n"
        case _:
            return ""


def _endpoint(event: ServingAwaited | EndpointChecked) -> str:
    return f"{event.server or event.address} as {event.name}"


def _line(ink: Ink, who: str, what: str, error: str, *, in_doubt: bool = False) -> str:
    if in_doubt:
        result = ink.yellow(f"in doubt: {harmless(error)}")
    elif error:
        result = ink.red(f"failed: {harmless(error)}")
    else:
        result = ink.green("done")
    return f"{harmless(who)}  {harmless(what)}  {result}\n"


def _outcome(event: ApplyFinished, ink: Ink) -> str:
    counts = (
        (event.done, "done", ink.green),
        (event.failed, "failed", ink.red),
        (event.in_doubt, "in doubt", ink.yellow),
        (event.not_started, "not started", ink.yellow),
        (event.waiting, "waiting", ink.cyan),
    )
    parts = [paint(f"{count} {word}") for count, word, paint in counts if count]
    head = "Apply stopped" if event.stopped else "Apply finished"
    total = event.done + event.failed + event.in_doubt + event.not_started + event.waiting
    return ink.bold(f"{head}: ") + (", ".join(parts) if total else counted(0, "command"))
