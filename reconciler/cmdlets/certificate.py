"""The certificate cmdlets: request, answer, enable, remove.

Each names its server: an Exchange endpoint may hand a session on to another server, and a request
belongs to the one that will hold the key [1-1]. An Edge server knows only itself.
"""

from __future__ import annotations

from state.address import Address
from state.resources import Certificate, Kind
from state.resources.certificate import SERVICES
from state.values import Deferred, Thumbprint

from .invocation import PASSWORD, Answer, Invocation, ParameterValue
from .mark import marked
from .parameters import parameter_value

ANSWER = "certificate"
"""Deferred: the issued certificate with its chain, PKCS#7."""
PKCS12 = "pkcs12"
"""Deferred: a certificate with its encrypted key, as its server exported it for one journey."""
BOUGHT = "bought"
"""Deferred: a certificate with its encrypted key, as it was bought; handed to the apply beside the plan."""
RENEWED = "renewed"
"""Deferred: the issued certificate with the key that it was requested for again, encrypted for a journey."""
THUMBPRINT = "thumbprint"
TLS_CERTIFICATE_NAME = "tls_certificate_name"


def request(asked: Certificate, *, server: str, edge: bool, mark: str) -> Invocation:
    """New-ExchangeCertificate -GenerateRequest: key and PKCS#10 are made on the server.

    The request comes back as text: the type that ``-BinaryEncoded`` returns is not documented [2.1-2].
    """
    parameters: dict[str, ParameterValue] = {"GenerateRequest": True}
    for attribute, value in asked.declared(Kind.WRITABLE):
        if attribute.name != "services":  # not with GenerateRequest [2.1-1]
            parameters[attribute.exchange] = parameter_value(attribute, value)
    parameters["FriendlyName"] = _friendly_name(asked, mark)
    return Invocation(server, "New-ExchangeCertificate", {**parameters, **_on(server, edge)})


def export_request(pending: Thumbprint, *, server: str, edge: bool) -> Invocation:
    """Export-ExchangeCertificate of a pending entry: the same PKCS#10 again [2.1-12]. Changes nothing."""
    parameters: dict[str, ParameterValue] = {"Thumbprint": str(pending)}
    return Invocation(server, "Export-ExchangeCertificate", {**parameters, **_on(server, edge)})


def import_answer(address: Address, asked: Certificate, *, server: str, edge: bool, mark: str) -> Invocation:
    """Import-ExchangeCertificate on the server that made the request [2.2-3].

    FriendlyName and PrivateKeyExportable are said again: Import has its own defaults [2.2-4].
    """
    parameters: dict[str, ParameterValue] = {
        "FileData": Deferred(address, ANSWER),
        "FriendlyName": _friendly_name(asked, mark),
    }
    if isinstance(asked.exportable, bool):
        parameters["PrivateKeyExportable"] = asked.exportable
    return Invocation(server, "Import-ExchangeCertificate", {**parameters, **_on(server, edge)})


def export_key(address: Address, thumbprint: Thumbprint | Deferred, *, server: str, edge: bool) -> Invocation:
    """Export-ExchangeCertificate of a certificate with its key, encrypted, for another server [2.4-3].

    It changes nothing, but a key leaves its server: it is never sent without being in a plan.

    Args:
        address: The certificate that is to be on the other server.
        server: Has it already.
    """
    parameters: dict[str, ParameterValue] = {
        "Thumbprint": thumbprint if isinstance(thumbprint, Deferred) else str(thumbprint),
        "BinaryEncoded": True,
        "Password": Deferred(address, PASSWORD),
    }
    return Invocation(server, "Export-ExchangeCertificate", {**parameters, **_on(server, edge)})


def import_key(
    address: Address, asked: Certificate, source: Address, *, server: str, edge: bool, mark: str
) -> Invocation:
    """Import-ExchangeCertificate of what another server exported: the same bytes for it alone [2.2-5].

    The key may leave this server, too: one that is rebuilt gets it from one that has it.
    """
    parameters: dict[str, ParameterValue] = {
        "FileData": Deferred(source, PKCS12),
        "Password": Deferred(address, PASSWORD),
        "FriendlyName": _friendly_name(asked, mark),
        "PrivateKeyExportable": True,
    }
    return Invocation(server, "Import-ExchangeCertificate", {**parameters, **_on(server, edge)})


def import_bought(address: Address, asked: Certificate, *, server: str, edge: bool, mark: str) -> Invocation:
    """Import-ExchangeCertificate of a PKCS#12 that was bought [2.2-2]."""
    parameters: dict[str, ParameterValue] = {
        "FileData": Deferred(address, BOUGHT),
        "Password": Deferred(address, PASSWORD),
        "FriendlyName": _friendly_name(asked, mark),
    }
    if isinstance(asked.exportable, bool):
        parameters["PrivateKeyExportable"] = asked.exportable
    return Invocation(server, "Import-ExchangeCertificate", {**parameters, **_on(server, edge)})


def import_renewed(address: Address, asked: Certificate, *, server: str, edge: bool, mark: str) -> Invocation:
    """Import-ExchangeCertificate of another certificate for a key that its server exported [2.2-2]."""
    parameters: dict[str, ParameterValue] = {
        "FileData": Deferred(address, RENEWED),
        "Password": Deferred(address, PASSWORD),
        "FriendlyName": _friendly_name(asked, mark),
        "PrivateKeyExportable": True,
    }
    return Invocation(server, "Import-ExchangeCertificate", {**parameters, **_on(server, edge)})


def brings_answer(invocation: Invocation) -> bool:
    """Whether an issuer is asked before it is sent."""
    given = invocation.parameters.values()
    return any(isinstance(value, Deferred) and value.attribute in (ANSWER, RENEWED) for value in given)


def carries_key(invocation: Invocation) -> bool:
    """Whether a key travels with it, from a server or to one."""
    given = invocation.parameters.values()
    return any(isinstance(value, Deferred) and value.attribute == PASSWORD for value in given)


def source_of(invocation: Invocation) -> Address | None:
    """The certificate that :func:`import_key` brings; None where it comes from no other server."""
    data = invocation.parameters.get("FileData")
    return data.address if isinstance(data, Deferred) and data.attribute == PKCS12 else None


def enable(
    thumbprint: Thumbprint | Deferred,
    services: frozenset[str],
    *,
    server: str,
    edge: bool,
    replace_default: bool,
) -> Invocation:
    """Enable-ExchangeCertificate for more services; it only ever adds [2.3-1].

    Enabling SMTP asks whether to replace the server's default SMTP certificate; ``-Force`` is the
    documented Yes, a No has to be answered [2.3-3].
    """
    parameters: dict[str, ParameterValue] = {
        "Thumbprint": thumbprint if isinstance(thumbprint, Deferred) else str(thumbprint),
        "Services": SERVICES.text(services),
    }
    answers: tuple[Answer, ...] = ()
    if "SMTP" in services:
        if replace_default:
            parameters["Force"] = True
        else:
            answers = (Answer("default_smtp", "no"),)
    return Invocation(server, "Enable-ExchangeCertificate", {**parameters, **_on(server, edge)}, answers)


def remove(thumbprint: Thumbprint | Deferred, *, server: str, edge: bool) -> Invocation:
    """Remove-ExchangeCertificate; it asks unless it is told not to [1-9], and the plan was the question."""
    parameters: dict[str, ParameterValue] = {
        "Thumbprint": thumbprint if isinstance(thumbprint, Deferred) else str(thumbprint),
        "Confirm": False,
    }
    return Invocation(server, "Remove-ExchangeCertificate", {**parameters, **_on(server, edge)})


def _on(server: str, edge: bool) -> dict[str, ParameterValue]:
    return {} if edge else {"Server": server}


def _friendly_name(asked: Certificate, mark: str) -> str:
    return marked(asked.friendly_name if isinstance(asked.friendly_name, str) else "", mark)
