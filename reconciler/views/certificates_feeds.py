"""How certificates stand, for what watches: a calendar (RFC 5545), and metrics for a node exporter."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from reconciler.plan.standing import Standing

_LONGEST = 75
"""Octets of a line without its end. Source: RFC 5545 3.1."""

_METRICS = (
    ("expiry_timestamp_seconds", "When the certificate ends.", "expires"),
    ("renewal_timestamp_seconds", "From when on a plan renews the certificate.", "renewal"),
    ("deadline_timestamp_seconds", "Until when the next step must be done.", "deadline"),
    ("state_since_timestamp_seconds", "When the certificate came to its state.", "since"),
)


def render_prometheus(told: Sequence[Standing]) -> str:
    """Gauges in the text format; what is not known has no sample.

    What was replaced has no instant that anything is due at: an alert would fire at each renewal.
    """
    lines: list[str] = []
    for suffix, meaning, attribute in _METRICS:
        those = told if attribute == "since" else [one for one in told if not one.state.is_past]
        samples = [(one, getattr(one, attribute)) for one in those]
        lines += _metric(suffix, meaning, [(one, at.timestamp()) for one, at in samples if at is not None])
    lines += _metric("state", "1 for the state that the certificate is in.", [(one, 1) for one in told])
    return "".join(f"{line}\n" for line in lines)


def _metric(suffix: str, meaning: str, samples: Sequence[tuple[Standing, float]]) -> Iterator[str]:
    name = f"exchange_tls_certificate_{suffix}"
    if samples:
        yield f"# HELP {name} {meaning}"
        yield f"# TYPE {name} gauge"
    for labels, value in {
        _labels(one, with_state=suffix == "state"): value for one, value in samples
    }.items():
        yield f"{name}{{{labels}}} {value:.0f}"


def _labels(one: Standing, *, with_state: bool) -> str:
    labels = {
        "address": str(one.address),
        "server": one.server,
        "issuer": one.issuer,
        "thumbprint": one.thumbprint,
    }
    if with_state:
        labels["state"] = one.state.value
    return ",".join(f'{name}="{_label(value)}"' for name, value in labels.items())


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def render_calendar(told: Sequence[Standing], now: datetime, organization: str) -> str:
    """An event a deadline: its uid stays the same, so that a calendar that reads it again moves it.

    Returns:
        "" where there is no event: a calendar has at least one component (RFC 5545 3.6).
    """
    events: dict[tuple[str, str], tuple[datetime, list[str]]] = {}
    for one in told:
        if one.state.is_past:
            continue
        for kind, title, at in _dates(one):
            known = events.get((str(one.address), kind))
            # While a successor waits to be put to use, the end that matters is that of the one in use.
            if known is None or at < known[0]:
                events[str(one.address), kind] = at, _event(one, kind, title, at, now, organization)
    if not events:
        return ""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//exchange-tls-reconciler//certificates//EN"]
    lines += [line for _, event in events.values() for line in event]
    lines.append("END:VCALENDAR")
    return "".join(f"{folded}\r\n" for line in lines for folded in _folded(line))


def _dates(one: Standing) -> Iterator[tuple[str, str, datetime]]:
    """What a calendar has of one: the kind of its event, its title, and when."""
    if one.renewal is not None:
        yield "renewal", "Renewal due", one.renewal
    if one.expires is not None:
        yield "expiry", "Expires", one.expires
    elif one.deadline is not None:
        yield "deadline", "Answer needed", one.deadline


def _event(one: Standing, kind: str, title: str, at: datetime, now: datetime, organization: str) -> list[str]:
    uid = hashlib.sha256(f"{organization} {one.address} {kind}".encode()).hexdigest()[:32]
    facts = [one.state.value, one.reason, f"next: {one.next_step}" if one.next_step else ""]
    return [
        "BEGIN:VEVENT",
        f"UID:{uid}@exchange-tls-reconciler",
        f"DTSTAMP:{_instant(now)}",
        f"DTSTART:{_instant(at)}",
        f"SUMMARY:{_text(f'{title}: {one.address}')}",
        f"DESCRIPTION:{_text(chr(10).join(filter(None, facts)))}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _text(text: str) -> str:
    """Source: RFC 5545 3.3.11; other control characters are none of its text."""
    for character, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        text = text.replace(character, written)
    return "".join(character for character in text if character.isprintable())


def _folded(line: str) -> Iterator[str]:
    """Lines of 75 octets, never broken inside a character."""
    part, size = "", 0
    for character in line:
        octets = len(character.encode("utf-8", "replace"))
        if size + octets > _LONGEST:
            yield part
            part, size = " ", 1
        part, size = part + character, size + octets
    yield part
