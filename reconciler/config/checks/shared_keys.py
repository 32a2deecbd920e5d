"""Certificates whose key several servers have: rules [2.1-7], [2.4-3]."""

from __future__ import annotations

from reconciler.config.draft import Draft
from reconciler.config.models.certificate import SharedCertificate


def check_shared_keys(draft: Draft) -> None:
    """Check what a key needs that is to travel from the server that made it to the others."""
    for name, model in draft.state.certificates.items():
        if model.key == "shared":
            _check(draft, name, model)


def _check(draft: Draft, name: str, model: SharedCertificate) -> None:
    path = ("certificates", name)
    if len({text.strip().casefold() for text in model.servers}) < 2:
        draft.error(
            "Key shared with nobody",
            f'The key of certificate "{name}" is to be shared, and it names one server.',
            draft.key(*path, "key"),
            "name the other servers, or write key: per_server",
        )
    if model.exportable is not True:
        draft.error(
            "Shared key must be exportable",
            f'Certificate "{name}" is to have one key on several servers. Exchange makes a key that never '
            "leaves its server unless the request says that it may, and that cannot be changed afterwards.",
            draft.key(*path, "exportable" if "exportable" in model.model_fields_set else "key"),
            "write exportable: true, or key: per_server",
        )
    if "issuer" not in model.model_fields_set:
        draft.error(
            "Shared key without an issuer",
            f'Certificate "{name}" has no issuer, so it is only watched: nothing is requested, and no key is '
            "moved.",
            draft.key(*path, "key"),
            "name its issuer, or write key: per_server",
        )
