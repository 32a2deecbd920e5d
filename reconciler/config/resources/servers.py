"""Servers as declared."""

from __future__ import annotations

from reconciler.config.draft import Draft
from state.address import Address
from state.resources import Server


def add_servers(draft: Draft) -> None:
    for server in draft.servers.values():
        address = Address.of("server", str(server.name))
        draft.add(
            address,
            Server(name=server.name, role=server.model.role, version=server.model.version, mode=server.mode),
            server.path,
        )
        draft.place(address, server.path, (("role", "role"), ("version", "version"), ("mode", "mode")))
