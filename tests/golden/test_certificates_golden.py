"""How a fleet's certificates stand: what a person reads, what machines, a calendar and a node exporter do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.plan.standing import Standing, State
from reconciler.views.certificates_feeds import render_calendar, render_prometheus
from reconciler.views.certificates_json import certificates_to_json
from reconciler.views.certificates_text import render_certificates
from state.address import Address

Golden = Callable[[str, str], None]
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def there(server: str, ends: int, state: State = State.SERVED, **others: Any) -> Standing:
    """One of 47 days that ends so many days from now."""
    usual = Standing(
        address=Address.of("certificate", server, "internet"),
        server=server,
        state=state,
        since=NOW + (ends - 46) * DAY,
        names=("mail.contoso.com", "smtp.contoso.com"),
        thumbprint=f"{sum(map(ord, server)) * 7919 + ends:040X}",
        not_before=NOW + (ends - 47) * DAY,
        expires=NOW + ends * DAY,
        renewal=NOW + (ends - 16) * DAY,
        issuer="public",
        used_by=("Default Frontend", "internet TLS required", "internet opportunistic"),
    )
    return replace(usual, **others)


def a_fleet() -> list[Standing]:
    """Most are alike; one waits, one is late, one was not read, one has none, and one is only watched."""
    waits = Address.of("certificate", "EX9", "internet")
    return [
        *(there(f"EX{number}", 40) for number in range(1, 9)),
        Standing(
            address=waits,
            server="EX9",
            state=State.WAITING,
            since=NOW - 3 * DAY,
            reason="the authority checks the organization",
            next_step="apply asks its issuer again, not before 2026-11-25 06:00 UTC",
            deadline=NOW + 11 * DAY,
            names=("mail.contoso.com", "smtp.contoso.com"),
            issuer="public",
        ),
        there("EX9", 11, State.RENEWAL_DUE, reason="its successor is under way"),
        there(
            "EX9",
            -20,
            State.HELD,
            since=NOW - 36 * DAY,
            renewal=None,
            reason="connectors are bound to its issuer and subject, which are its successor's too",
        ),
        there(
            "EX10",
            3,
            State.RENEWAL_DUE,
            reason="expires 2026-11-27, inside renew_before 1/3",
            next_step="apply, with New-ExchangeCertificate",
            deadline=NOW + 3 * DAY,
        ),
        Standing(
            address=Address.of("certificate", "EX11", "internet"),
            server="EX11",
            state=State.UNKNOWN,
            reason="it may not be run by this account",
            next_step="reconciler doctor PATH",
            issuer="public",
        ),
        Standing(
            address=Address.of("certificate", "EDGE1", "public"),
            server="EDGE1",
            state=State.WANTED,
            next_step="apply, with New-ExchangeCertificate",
            names=("mail1.contoso.com",),
            issuer="public",
        ),
        there(
            "EX1",
            120,
            State.BOUND,
            address=Address.of("certificate", "EX1", "partner"),
            issuer="",
            renewal=None,
            used_by=("Partner",),
        ),
    ]


def test_table_steps_and_picture_as_people_read_them(golden: Golden) -> None:
    golden("certificates.txt", render_certificates(a_fleet(), NOW))


def test_the_document_as_machines_read_it(golden: Golden) -> None:
    document = certificates_to_json(a_fleet(), tool_version="1.0")
    golden("certificates.json", json.dumps(document, indent=2) + "\n")


def test_the_calendar(golden: Golden) -> None:
    golden("certificates.ics", render_calendar(a_fleet()[-3:], NOW, "contoso"))


def test_the_metrics(golden: Golden) -> None:
    golden("certificates.prom", render_prometheus(a_fleet()[-6:]))
