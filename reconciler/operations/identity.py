"""Whether what answered is the organization that the YAML is for."""

from __future__ import annotations

from reconciler.config.desired import Desired
from reconciler.diagnostics import Diagnostic
from state.address import Address
from state.snapshot import LiveOrganization

from .failed import Cause, OperationFailed


def check_organization(desired: Desired, live: LiveOrganization) -> None:
    """Refuse another organization than the one that ``organization_id`` names.

    One whose id cannot be read may be another: it is refused as well. Where no Mailbox server answered there
    is nothing to refuse, and what is declared for them is an error already; an Edge server belongs to no
    organization that it could name.

    Raises:
        OperationFailed: the cause is REFUSED.
    """
    wanted = desired.organization_id
    if wanted is None or live.read_from is None:
        return
    where = desired.where(Address.of("organization", desired.organization), "organization_id")
    if not isinstance(live.id, str):
        reason = live.id_unreadable.reason if live.id_unreadable else "it was not told"
        remedy = live.id_unreadable.remedy if live.id_unreadable else ""
        told = Diagnostic(
            summary="Organization not known",
            detail=f"organization_id is {wanted}, and that of what {live.read_from} answers for is unknown: "
            f"{reason}.",
            hint=remedy or "let the account run Get-OrganizationConfig, or take organization_id out",
            where=where,
        )
    elif live.id.lower() != wanted:
        told = Diagnostic(
            summary="Not this organization",
            detail=f"organization_id is {wanted}, and {live.read_from} answers for {live.id.lower()}.",
            hint="check whom the connections lead to: a copy, or a lab, is another organization",
            where=where,
        )
    else:
        return
    raise OperationFailed((told,), Cause.REFUSED)
