"""One name on all source servers of a connector: what it is bound to until the last of them has the new one.

An authority may change the name that it issues under between two renewals. Then one server has a certificate
of another name than the rest, and a connector is bound by one name, on all of them [3-15].
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from reconciler.pki.renewal import came_just_now
from state.address import Address
from state.resources import Certificate, SendConnector
from state.values import UNSET, TlsCertificateName

from .binding import C, differing, presented_on
from .case import CertificatePlan
from .held_back import usable_until
from .send_connectors import find
from .situation import Situation, home_of


def works_meanwhile(address: Address, connector: C, situation: Situation) -> TlsCertificateName | None:
    """The name that a connector is bound by, if each of its source servers has a certificate of it."""
    if not isinstance(connector, SendConnector):
        return None  # a receive connector has one server, and one certificate
    match = find(address, connector.name, home_of(connector), situation)
    name = match.live.tls_certificate_name if match else None
    if not isinstance(name, TlsCertificateName):
        return None
    return name if usable_until(name, presented_on(connector), situation) is not None else None


def newest_name(
    connector: C, certificates: Mapping[Address, CertificatePlan]
) -> tuple[TlsCertificateName, tuple[Address, ...]] | None:
    """The name that all certificates of a connector are to get, and those that have another one.

    It is that of the certificate that was issued last: what is issued next has it as well.

    Returns:
        None where they have one name, or none is known to have been issued.
    """
    addresses = connector.certificates if isinstance(connector.certificates, tuple) else ()
    if not differing(connector, certificates):
        return None
    named = [
        (issued, str(name), name)
        for address in addresses
        if isinstance(issued := certificates[address].issued, datetime)
        and isinstance(name := certificates[address].name, TlsCertificateName)
    ]
    if not named:
        return None
    newest = max(named)[2]
    return newest, tuple(one for one in addresses if certificates[one].name not in (newest, None))


def left_behind(certificates: Mapping[Address, CertificatePlan], situation: Situation) -> dict[Address, str]:
    """Why certificates that are there and right are renewed all the same, by their addresses.

    Only while their connector has a name that works on every server: the rest is for people to decide. One
    in the first tenth of its lifetime is left alone, as by every renewal: an authority that issues under
    two names in turn would be asked again at every run.
    """
    found: dict[Address, str] = {}
    for address, connector in situation.desired.of(SendConnector):
        if connector.mode == "observe" or (told := newest_name(connector, certificates)) is None:
            continue
        if works_meanwhile(address, connector, situation) is None:
            continue
        name, others = told
        for other in others:
            if _may_be_renewed(other, certificates[other], situation):
                found.setdefault(other, f"is named otherwise than {name}, which {address} is to be bound by")
    return found


def _may_be_renewed(address: Address, planned: CertificatePlan, situation: Situation) -> bool:
    asked = situation.desired.resources[address]
    if not isinstance(asked, Certificate) or asked.issuer is UNSET or asked.mode is not UNSET:
        return False
    if isinstance(asked.shared_by, tuple) or planned.issued is None or planned.upcoming is None:
        return False  # a shared one has the same name wherever it is, once it has come there
    lifetime: timedelta = planned.upcoming.expires - planned.issued
    return not came_just_now(planned.issued, lifetime, situation.now)
