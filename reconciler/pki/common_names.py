"""Common names that stand for domains.

Apart from what reads certificates, so that checks of the YAML do not wait for cryptography to be loaded.
"""

from __future__ import annotations

from contextlib import suppress

from reconciler.pki.names import DistinguishedName
from state.errors import InvalidValue
from state.values import DomainPattern, Unknown


def with_common_names(
    domains: frozenset[DomainPattern] | Unknown, subject: DistinguishedName
) -> frozenset[DomainPattern] | Unknown:
    """Add the common names that are domains; UNKNOWN stays so."""
    return domains if isinstance(domains, Unknown) else domains | common_domains(subject)


def common_domains(subject: DistinguishedName) -> frozenset[DomainPattern]:
    """The common names that are domains; "Microsoft Exchange Server Auth Certificate" is none."""
    domains = set()
    for common_name in subject.common_names:
        with suppress(InvalidValue):
            domains.add(DomainPattern.parse(common_name))
    return frozenset(domains)
