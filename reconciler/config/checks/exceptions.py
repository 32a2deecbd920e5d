"""Entries of partner lists that were meant to end."""

from __future__ import annotations

from datetime import date

from reconciler.config.draft import Draft
from reconciler.config.models.send_connector import Partner


def check_exceptions(draft: Draft, today: date) -> None:
    for name, entries in draft.state.partners.items():
        for at, entry in enumerate(entries):
            if isinstance(entry, Partner) and isinstance(entry.until, date) and entry.until < today:
                owner = f"; {entry.owner} answers for it" if entry.owner else ""
                draft.warning(
                    "Exception past its end",
                    f'"{entry.domain}" was to be on the list "{name}" until {entry.until}{owner}.',
                    draft.key("partners", name, at, "until"),
                    "take the entry away, or agree on another date",
                )
