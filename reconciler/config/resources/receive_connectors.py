"""Receive connectors: existing objects, in the attributes that are declared."""

from __future__ import annotations

from reconciler.config.draft import DeclaredServer, Draft
from reconciler.config.models.base import given
from reconciler.config.models.receive_connector import ReceiveConnectorModel, attribute_of
from state.address import Address
from state.resources import ReceiveConnector
from state.values import Name

from .certificates import binding
from .following import check_follow


def add_receive_connectors(draft: Draft) -> None:
    for server in draft.servers.values():
        for name, model in server.model.receive_connectors.items():
            _add(draft, server, name, model)


def _add(draft: Draft, server: DeclaredServer, text: str, model: ReceiveConnectorModel) -> None:
    path = (*server.path, "receive_connectors", text)
    if not text.strip():
        draft.error(
            "Name missing",
            "A receive connector has an empty name.",
            draft.key(*path),
            "name it as Exchange does",
        )
        return
    attributes = {key: attribute for key in given(model) if (attribute := attribute_of(key))}
    values = {attribute: getattr(model, key) for key, attribute in attributes.items()}
    places = [(attribute, key) for key, attribute in attributes.items()]
    if model.certificate:
        values |= binding(draft, (server,), model.certificate, *path, "certificate")
        places += [("tls_certificate_name", "certificate"), ("certificates", "certificate")]
    check_follow(draft, model, path)
    mode = "certificates" if model.follow and server.mode != "observe" else server.mode
    address = Address.of("receive_connector", str(server.name), text)
    connector = ReceiveConnector(name=Name.parse(text), home=(server.name,), mode=mode, **values)
    if draft.add(address, connector, path):
        draft.place(address, path, places)
