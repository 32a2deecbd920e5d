"""How certificates stand, for a terminal: a table, the next steps, and all of them over time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from reconciler.plan.standing import Standing, State

from .terminal import DEFAULT_WIDTH, Ink, counted, harmless, shortened, table, wrapped

_PRESSING = (State.RENEWAL_DUE, State.UNKNOWN, State.WANTED)
_UNDER_WAY = (State.REQUESTED, State.SUBMITTED, State.WAITING, State.ISSUED)
_MOST_NAMES = 2
_HEADS = ("CERTIFICATE", "STATE", "SINCE", "EXPIRES", "RENEWAL", "ISSUER", "USED BY")
_LABEL = 28
LEGEND = "| today, = valid, > renewal due, . waits, X ends, + later, - none, ? unknown, ! look here"


def render_certificates(
    told: Sequence[Standing], now: datetime, *, colour: bool = False, width: int = DEFAULT_WIDTH
) -> str:
    """A row for each certificate, what comes next where something does, and the picture of their ends."""
    if not told:
        return "No certificates are declared\n"
    ink = Ink(colour)
    steps = [line for one in told for line in _steps(one, width=width)]
    blocks = [_rows(told, ink), render_picture(told, now, width=width).rstrip("\n")]
    if steps:
        blocks.insert(1, "\n".join(steps))
    return "\n\n".join(blocks) + "\n"


def _rows(told: Sequence[Standing], ink: Ink) -> str:
    def painted(row: int, cells: tuple[str, ...]) -> tuple[str, ...]:
        state = told[row].state
        paint = ink.red if state in _PRESSING else ink.yellow if state in _UNDER_WAY else ink.green
        return (cells[0], paint(cells[1]), *cells[2:])

    return table(_HEADS, [tuple(map(harmless, _cells(one))) for one in told], ink, painted)


def _cells(one: Standing) -> tuple[str, ...]:
    """One that was replaced stands below the one that replaced it, by its thumbprint."""
    return (
        f"  {one.thumbprint}" if one.state.is_past else str(one.address),
        one.state.value,
        _day(one.since),
        _day(one.expires),
        _day(one.renewal),
        one.issuer or "(watched)",
        shortened(one.used_by, _MOST_NAMES) or "-",
    )


def _day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d}" if at is not None else "-"


def _steps(one: Standing, *, width: int) -> list[str]:
    """Why it stands there and what comes next, where there is something to say."""
    if not (one.reason or one.next_step):
        return []
    until = f" (until {one.deadline:%Y-%m-%d %H:%M} UTC)" if one.deadline else ""
    next_step = f"next: {one.next_step}{until}" if one.next_step else ""
    said = "; ".join(filter(None, (one.reason, next_step)))
    which = one.thumbprint if one.state.is_past else str(one.address)
    return wrapped(f"{which}: {said}", width=width, indent="", hanging="    ")


def render_picture(told: Sequence[Standing], now: datetime, *, width: int = DEFAULT_WIDTH) -> str:
    """A line for certificates of one kind that look alike: today to the last end, in plain characters.

    Those of several servers that have the same line are one line, so that a fleet fits a screen.
    """
    ends = [one.expires for one in told if one.expires and not one.state.is_past]
    room = max(10, width - _LABEL - 14)
    span = max([end - now for end in ends] + [timedelta(days=1)])
    span = min(span, timedelta(days=400))
    groups: dict[tuple[str, str, str, str], list[str]] = {}
    by_address: dict[str, list[Standing]] = {}
    for one in told:
        if not one.state.is_past:
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
    ends = [one for one in same if one.expires is not None]
    # The one that is in use ends before its successor.
    current = min(ends, key=lambda one: one.expires or now, default=None)
    waits = any(one.state in _UNDER_WAY for one in same)
    if current is None or current.expires is None:
        is_none = all(one.state is State.WANTED for one in same)
        return "|" + ("." if waits else "-" if is_none else "?"), ""
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
