"""Certificates whose key is used again at each renewal: rules [2.4-3], [2.1-7]."""

from __future__ import annotations

from reconciler.config.draft import Draft
from reconciler.config.models.certificate import CertificateModel


def check_reused_keys(draft: Draft) -> None:
    """Check what a key needs that is to have another certificate."""
    for name, model in draft.state.certificates.items():
        _check(draft, name, model, "certificates", name)
    for server in draft.servers.values():
        for name, own in server.model.certificates.items():
            _check(draft, name, own, *server.path, "certificates", name)


def _check(draft: Draft, name: str, model: CertificateModel, *path: str) -> None:
    if model.tlsa != "reuse_key":
        return
    if model.exportable is not True:
        draft.error(
            "Reused key must be exportable",
            f'Certificate "{name}" is to be renewed with the same key. Exchange makes another one for each '
            "request, so the key has to leave its server for a moment, and its request must say that it may.",
            draft.key(*path, "exportable" if "exportable" in model.model_fields_set else "tlsa"),
            "write exportable: true, or tlsa: publish",
        )
    if "issuer" not in model.model_fields_set:
        draft.error(
            "Reused key without an issuer",
            f'Certificate "{name}" has no issuer, so it is only watched: nothing is renewed.',
            draft.key(*path, "tlsa"),
            "name its issuer, or leave tlsa out",
        )
