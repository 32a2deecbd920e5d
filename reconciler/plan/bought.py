"""A certificate that somebody bought with its key: imported as it is, and kept where it is there already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reconciler.pki.bought import Bought
from state.resources import Certificate

from .arriving import brought, fetched
from .case import Case, CertificatePlan, is_marked, is_open
from .certificate_problems import key_not_rsa, request_superseded
from .kept import keep
from .sharing import held_by


def plan_bought(case: Case, bought: Bought, sharing: Sequence[Case]) -> CertificatePlan:
    """Work out how a server gets it; whether it is due, or another one is there, does not count.

    Args:
        sharing: The servers that are to have it, as they are declared: the first imports it, and the others
            fetch it from one that has it.
    """
    leaf = bought.leaf
    meant = Certificate(
        thumbprint=leaf.thumbprint,
        public_key=leaf.public_key,
        tls_certificate_name=leaf.tls_certificate_name,
    )
    if (held := held_by(case.live, meant)) is not None:
        planned = keep(case, held, ours=is_marked(case, held))
    elif (giver := _giver(sharing, meant)) is not None:
        planned = fetched(case, giver, meant)
    elif case.address == sharing[0].address:
        planned = brought(case, meant)
    else:
        planned = _after(fetched(case, sharing[0], meant), sharing[0])
    request = case.request
    is_superseded = request is not None and is_open(case, request)
    told = (request_superseded(case.address, case.server),) if is_superseded else ()
    curved = (key_not_rsa(case.address),) if leaf.key_type != "RSA" and held is None else ()
    kept = tuple(one for one in planned.diagnostics if not told or one.summary != told[0].summary)
    return replace(planned, diagnostics=(*kept, *told, *curved))


def _giver(sharing: Sequence[Case], meant: Certificate) -> Case | None:
    """The first server that has it and may export its key."""
    for one in sharing:
        held = held_by(one.live, meant)
        if held is not None and held.exportable is not False:
            return one
    return None


def _after(planned: CertificatePlan, source: Case) -> CertificatePlan:
    if planned.change is None:
        return planned
    return replace(planned, change=replace(planned.change, requires=frozenset({source.address})))
