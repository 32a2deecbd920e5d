"""The note beside a request: what to order, and where the answer is to be put. Pure."""

from __future__ import annotations

from datetime import datetime
from textwrap import fill, indent
from typing import Final

from reconciler.pki.request import RequestFacts
from state.address import Address
from state.values import Unknown

from .answers import SUFFIXES

_WIDTH: Final = 96
_ORGANIZATION_NAME: Final = "2.5.4.10"
TAKEN: Final = "Answered:"
"""Begins the line that tells that there is nothing more to do."""


def note_of(
    address: Address, facts: RequestFacts, request_file: str, *, is_text: bool, since: datetime, own: str
) -> str:
    """The note.

    Args:
        request_file: The request's name in the folder.
        since: When the request was first brought; UTC, aware.
        own: What the YAML says to whoever orders; "" for nothing.
    """
    domains = facts.alternative_domains
    names = [] if isinstance(domains, Unknown) else sorted(domain.name for domain in domains)
    organization = _organization(facts)
    rows = [
        ("Request", f"{request_file} ({'text, PKCS#10 in PEM' if is_text else 'PKCS#10 in DER'})"),
        ("For", str(address)),
        ("Since", f"{since:%Y-%m-%d %H:%M} UTC"),
        ("Product", _product(names, organization)),
        ("Names", ", ".join(names)),
        ("Key", f"{facts.key_type}, {facts.key_size} bits; it stays on the server"),
        ("Subject", str(facts.name)),
    ]
    if organization:
        rows.append(("Organization", organization))
    ordered = "\n".join(
        fill(
            value,
            _WIDTH,
            initial_indent=f"  {f'{name}:':<14}",
            subsequent_indent=" " * 16,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for name, value in rows
    )
    answer = fill(
        "Put the answer into this folder, as a file of its own whose name ends with "
        f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}: as the authority sends it, PEM or DER, with its "
        "intermediate certificates where there are any. It is known by its key: call it as you like. "
        "Then run apply again. No file that is there is changed or removed.",
        _WIDTH,
    )
    said = f"\n{indent(own.strip(), '  ')}\n" if own.strip() else ""
    return f"A certificate is to be ordered.\n\n{ordered}\n{said}\n{answer}\n"


def taken_line(answer_file: str, now: datetime) -> str:
    """What is added when the answer was found."""
    return f"\n{TAKEN} {answer_file} was taken on {now:%Y-%m-%d %H:%M} UTC. There is nothing more to order.\n"


def _organization(facts: RequestFacts) -> str:
    return "; ".join(each.value for each in facts.name.attributes if each.type == _ORGANIZATION_NAME)


def _product(names: list[str], organization: str) -> str:
    reach = "a wildcard" if any(name.startswith("*.") for name in names) else "one name"
    if len(names) > 1:
        reach = f"{len(names)} names" + (", wildcards among them" if reach == "a wildcard" else "")
    checked = "organization validated (OV)" if organization else "domain validated (DV) is enough"
    return f"TLS server certificate for {reach}, {checked}"
