"""Addresses and thumbprints as they are given on a command line."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.diagnostics import Diagnostic
from reconciler.operations.failed import OperationFailed
from state.address import Address
from state.errors import InvalidAddress, InvalidValue
from state.values import Thumbprint


def parse_addresses(texts: Iterable[str]) -> tuple[Address, ...]:
    """Read addresses, in their order.

    Raises:
        OperationFailed: with a diagnostic for each text that is none.
    """
    found: list[Address] = []
    problems: list[Diagnostic] = []
    for text in texts:
        try:
            found.append(Address.parse(text))
        except InvalidAddress as error:
            problems.append(
                Diagnostic(
                    summary="Not an address",
                    detail=f"{error}.",
                    hint="write it as plan shows it, in single quotes where it holds double ones",
                )
            )
    if problems:
        raise OperationFailed(problems)
    return tuple(found)


def parse_thumbprint(text: str) -> Thumbprint:
    """Read a thumbprint, however it was copied.

    Raises:
        OperationFailed: it is none.
    """
    try:
        return Thumbprint.parse(text)
    except InvalidValue as error:
        problem = Diagnostic(
            summary="Not a thumbprint",
            detail=f"{error}.",
            hint="copy it from the plan, or from Get-ExchangeCertificate on the server",
        )
        raise OperationFailed((problem,)) from error
