"""What a declaration asks of a certificate, in the form that the checks compare."""

from __future__ import annotations

from reconciler.pki.common_names import common_domains
from reconciler.pki.names import DistinguishedName
from reconciler.pki.subject import SubjectProblem, parse_subject
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
    declared = asked.domains if isinstance(asked.domains, frozenset) else frozenset()
    subject = asked_subject(asked)
    return declared | common_domains(subject) if subject else declared
