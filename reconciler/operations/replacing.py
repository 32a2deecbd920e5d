"""``certificates --replace``: new keys and certificates now, whatever the date says."""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal, TypeAlias

from reconciler.config.desired import Desired
from reconciler.diagnostics import Diagnostic
from reconciler.plan.situation import Urgent
from state.address import Address
from state.resources import Certificate

from .applying import ApplyOutcome, Approve, Demand, apply_declared
from .concerned import bound_to, with_same_key
from .failed import OperationFailed
from .inputs import Inputs, Surroundings, load_declared
from .servers import require_declared

Reason: TypeAlias = Literal["compromise", "superseded", "cessation", "unspecified"]


def run_replace(
    address: Address | None,
    issuer: str,
    reason: Reason,
    inputs: Inputs,
    surroundings: Surroundings,
    approve: Approve,
) -> ApplyOutcome:
    """Plan and apply the replacement of one certificate, or of all that an issuer signed, and nothing else.

    No maintenance window is waited for. A request that is under way is gone on with; but not after a
    compromise, for its key lies on the same server. What is replaced is revoked once its successor is served,
    by this apply or a later one.

    Args:
        address: None: all of the issuer's.
        issuer: Name under ``issuers``, where no address is given.

    Raises:
        OperationFailed: nothing was changed.
    """
    declared = load_declared(inputs, surroundings)
    desired = declared.desired
    if address is not None:
        require_declared(desired, (address,))
        wanted = _of_address(address, desired)
    else:
        wanted = _of_issuer(issuer, desired)
    since = surroundings.now()
    demand = Demand(
        operation="certificates --issuer" if address is None else "certificates --replace",
        targets=(*wanted, *bound_to(wanted, desired)),
        urgent=MappingProxyType({one: Urgent(reason, since) for one in wanted}),
    )
    return apply_declared(declared, inputs, surroundings, approve, demand)


def _of_address(address: Address, desired: Desired) -> tuple[Address, ...]:
    """One certificate; of a key that several servers share, all that have it."""
    asked = desired.snapshot.resources[address]
    if not isinstance(asked, Certificate) or not isinstance(asked.issuer, str):
        raise OperationFailed((_not_ours(f"{address} is no certificate that an issuer is declared for"),))
    return _managed(with_same_key(address, asked, desired), desired)


def _of_issuer(issuer: str, desired: Desired) -> tuple[Address, ...]:
    found = tuple(address for address, one in desired.snapshot.of(Certificate) if one.issuer == issuer)
    if not found:
        raise OperationFailed((_not_ours(f"No declared certificate is of an issuer named {issuer}"),))
    return _managed(found, desired)


def _managed(wanted: tuple[Address, ...], desired: Desired) -> tuple[Address, ...]:
    """The same, where all of them may be changed: one that is only observed would be left as it is.

    Raises:
        OperationFailed: some are only observed.
    """
    resources = desired.snapshot.resources
    observed = [str(address) for address in wanted if getattr(resources[address], "mode", "") == "observe"]
    if observed:
        raise OperationFailed(
            (
                Diagnostic(
                    summary="Only observed",
                    detail=f"{', '.join(observed)} is only observed: it would not be replaced.",
                    hint="declare mode: manage or certificates there; or replace the others one by one",
                    subject=observed[0],
                ),
            )
        )
    return wanted


def _not_ours(reason: str) -> Diagnostic:
    return Diagnostic(
        summary="Nothing to replace",
        detail=f"{reason}.",
        hint="reconciler certificates PATH lists the certificates and their issuers",
    )
