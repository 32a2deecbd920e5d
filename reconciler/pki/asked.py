"""What a declaration asks of a certificate, in the form that the checks compare."""

from __future__ import annotations

from reconciler.pki.names import DistinguishedName
from reconciler.pki.subject import SubjectProblem, parse_subject
from state.errors import InvalidValue
from state.resources import Certificate
from state.values import DomainPattern


def asked_subject(asked: Certificate) -> DistinguishedName | None:
    """The declared subject; None where none is declared, or its text is no name (told when it is loaded)."""
    if not isinstance(asked.subject, str):
        return None
    name = parse_subject(asked.subject)
    return None if isinstance(name, SubjectProblem) else name


def asked_domains(asked: Certificate) -> frozenset[DomainPattern]:
    """The declared domains, and the common name of the subject, which Exchange always adds [2.1-6]."""
    domains = set(asked.domains) if isinstance(asked.domains, frozenset) else set()
    subject = asked_subject(asked)
    for common_name in subject.common_names if subject else ():
        try:
            domains.add(DomainPattern.parse(common_name))
        except InvalidValue:
            continue  # "CN=Contoso mail" is a subject, but no name to connect to
    return frozenset(domains)
