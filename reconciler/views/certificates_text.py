"""How certificates stand, for a terminal: each with its next step, and all of them over time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from reconciler.plan.lifecycle import Standing, State

from .terminal import DEFAULT_WIDTH, Ink, counted, harmless, shortened, wrapped

_PRESSING = (State.RENEWAL_DUE, State.UNKNOWN, State.WANTED)
_UNDER_WAY = (State.REQUESTED, State.SUBMITTED, State.WAITING, State.ISSUED)
_PAST = (State.SUPERSEDED, State.HELD, State.RETIRED)
_MOST_NAMES = 4
_LABEL = 28
LEGEND = "| today, = valid, > renewal due, . waits for its issuer, X ends, + later, ? unknown, ! look here"


def render_certificates(
    told: Sequence[Standing], now: datetime, *, colour: bool = False, width: int = DEFAULT_WIDTH
) -> str:
    """Every certificate with what is known of it, then the picture of their ends."""
    if not told:
        return "No certificates are declared\n"
    ink = Ink(colour)
    blocks = ["\n".join(_lines(one, ink=ink, width=width)) for one in told]
    return "\n\n".join([*blocks, render_picture(told, now, width=width).rstrip("\n")]) + "\n"


def _lines(one: Standing, *, ink: Ink, width: int) -> list[str]:
    paint = ink.red if one.state in _PRESSING else ink.yellow if one.state in _UNDER_WAY else ink.green
    since = f" since {one.since:%Y-%m-%d}" if one.since else ""
    lines = [f"{ink.bold(harmless(str(one.address)))}  {paint(one.state.value)}{since}"]
    facts = [f"for {shortened(one.names, _MOST_NAMES)}"] if one.names else []
    facts += [f"from {one.issuer}"] if one.issuer else []
    facts += [f"expires {one.expires:%Y-%m-%d}"] if one.expires else []
    facts += [f"renewal {one.renewal:%Y-%m-%d}"] if one.renewal else []
    sentences = [", ".join(facts), one.thumbprint, one.reason]
    sentences += [f"used by {shortened(one.used_by, _MOST_NAMES)}"] if one.used_by else []
    if one.next_step:
        until = f", until {one.deadline:%Y-%m-%d}" if one.deadline else ""
        sentences.append(f"next: {one.next_step}{until}")
    for sentence in filter(None, sentences):
        lines += wrapped(sentence, width=width, indent="    ")
    return lines


def render_picture(told: Sequence[Standing], now: datetime, *, width: int = DEFAULT_WIDTH) -> str:
    """A line for certificates of one kind that look alike: today to the last end, in plain characters.

    Those of several servers that have the same line are one line, so that a fleet fits a screen.
    """
    ends = [one.expires for one in told if one.expires and one.state not in _PAST]
    room = max(10, width - _LABEL - 14)
    span = max([end - now for end in ends] + [timedelta(days=1)])
    span = min(span, timedelta(days=400))
    groups: dict[tuple[str, str, str, str], list[str]] = {}
    by_address: dict[str, list[Standing]] = {}
    for one in told:
        if one.state not in _PAST:
            by_address.setdefault(str(one.address), []).append(one)
    for same in by_address.values():
        name = ".".join(same[0].address.parts[1:])
        line, date = _line(same, now, span, room)
        pressing = "!" if any(one.state in _PRESSING for one in same) else " "
        groups.setdefault((pressing, name, line, date), []).append(same[0].server)
    lines = [f"{'':{_LABEL}}  |{f' {(now + span):%Y-%m-%d}':->{room - 1}}"]
    ordered = sorted(groups.items(), key=lambda item: (item[0][3] or "0", item[0][1], item[1]))
    for (pressing, name, line, date), servers in ordered:
        label = servers[0] if len(servers) == 1 else f"{servers[0]} +{len(servers) - 1}"
        shown = harmless(f"{label} {name}")
        shown = shown if len(shown) <= _LABEL else shown[: _LABEL - 1] + "~"
        lines.append(f"{shown:{_LABEL}}{pressing} {line:{room}} {date}".rstrip())
    lines += wrapped(LEGEND, width=width, indent="")
    lines.append(f"{counted(len(by_address), 'certificate')} in {counted(len(groups), 'line')}")
    return "\n".join(lines) + "\n"


def _line(same: Sequence[Standing], now: datetime, span: timedelta, room: int) -> tuple[str, str]:
    current = next((one for one in same if one.expires is not None), None)
    waits = any(one.state in _UNDER_WAY for one in same)
    if current is None or current.expires is None:
        return "|" + ("." if waits else "?"), ""
    day = f"{current.expires:%Y-%m-%d}"
    if current.expires <= now:
        return "X", day

    def column(at: datetime) -> int:
        return max(1, min(room - 1, round((at - now) / span * (room - 1))))

    end = column(current.expires)
    due = column(current.renewal) if current.renewal else end
    late = "." if waits else ">"
    body = "".join("=" if place < due else late for place in range(1, end))
    return "|" + body + ("X" if current.expires <= now + span else "+"), day
