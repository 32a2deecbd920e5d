"""Certificates: one address for each server that gets one."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.config.draft import DeclaredServer, Draft
from reconciler.config.models.base import given
from reconciler.config.models.certificate import CertificateModel
from reconciler.config.suggestion import did_you_mean
from state.address import Address
from state.resources import Certificate
from state.values import Deferred

_KEYS = (
    "subject",
    "domains",
    "friendly_name",
    "key_size",
    "exportable",
    "services",
    "issuer",
    "default_smtp",
    "thumbprint",
    "renew_before",
    "tlsa",
    "retire",
)
_SMTP = frozenset({"SMTP"})


def add_certificates(draft: Draft) -> None:
    """Each server's own certificates, then its part of the shared ones, server by server."""
    shared = draft.state.certificates
    servers = {
        name: draft.servers_named(model.servers, "certificates", name, "servers")
        for name, model in shared.items()
    }
    for server in draft.servers.values():
        for name, model in server.model.certificates.items():
            _add(draft, server, name, model, (*server.path, "certificates", name))
        for name, shared_model in shared.items():
            if server in servers[name]:
                shared_by = tuple(dict.fromkeys(one.name for one in servers[name]))
                of_one_key = {"shared_by": shared_by} if shared_model.key == "shared" else {}
                _add(draft, server, name, shared_model, ("certificates", name), **of_one_key)


def _add(
    draft: Draft,
    server: DeclaredServer,
    name: str,
    model: CertificateModel,
    path: tuple[str, ...],
    **settings: object,
) -> None:
    if not name:
        draft.error("Name missing", "A certificate has an empty name.", draft.key(*path), "give it a name")
        return
    address = Address.of("certificate", str(server.name), name)
    values = {key: value for key, value in given(model).items() if key in _KEYS}
    if "issuer" in values:
        # Who asks this tool for a certificate wants it for SMTP; one that is watched is left as it is.
        values.setdefault("services", _SMTP)
    values.setdefault("default_smtp", "keep")
    if server.mode == "observe":
        values["mode"] = server.mode
    values |= settings
    if not draft.add(address, Certificate(home=(server.name,), **values), path):
        return
    draft.place(address, path, ((key, key) for key in _KEYS if key in model.model_fields_set))
    draft.acknowledge(address, model.acknowledge)


def binding(
    draft: Draft, servers: tuple[DeclaredServer, ...], name: str, *path: str | int
) -> Mapping[str, object]:
    """What a connector declares that presents a certificate: its name, deferred, and its addresses.

    One connector holds one name, so the first server's certificate gives it; the others must come to
    the same issuer and subject, which only shows once they are there [3-15].

    Args:
        path: Where the reference stands.

    Returns:
        Attributes; none when a server has no such certificate, which is told.
    """
    addresses = []
    for server in servers:
        address = Address.of("certificate", str(server.name), name)
        if address in draft.resources:
            addresses.append(address)
        elif name in draft.state.certificates:
            draft.error(
                "Certificate not on every server",
                f'Certificate "{name}" is not declared for server "{server.name}".',
                draft.value(*path),
                f'add "{server.name}" to its servers',
            )
        elif not (
            draft.is_broken(*server.path, "certificates", name) or draft.is_broken("certificates", name)
        ):
            here = [each for each in draft.resources if each.type == "certificate"]
            known = [each.parts[1] for each in here if each.parts[0] == str(server.name)]
            draft.error(
                "Unknown certificate",
                f'Server "{server.name}" has no certificate "{name}".',
                draft.value(*path),
                did_you_mean(name, known, otherwise="declare it under certificates"),
            )
    if not addresses or len(addresses) < len(servers):
        return {}
    return {
        "tls_certificate_name": Deferred(addresses[0], "tls_certificate_name"),
        "certificates": tuple(addresses),
    }
