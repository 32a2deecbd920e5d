"""From a declared authority that speaks ACME to an open one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

from reconciler.config.models.issuer import AcmeIssuer as AcmeModel
from reconciler.config.models.issuer import Dns01, DynamicUpdate, ExternalAccount, Http01
from reconciler.config.models.network import host_and_port
from reconciler.credentials.errors import CredentialError
from reconciler.credentials.reference import resolve_key
from reconciler.issuers.acme.dns01 import DynamicUpdate as Updates
from reconciler.issuers.acme.dns01 import Hook
from reconciler.issuers.acme.http01 import Listener, Webroot
from reconciler.issuers.acme.issuer import AcmeIssuer, AcmeSettings
from reconciler.issuers.acme.issuer import ExternalAccount as Account
from reconciler.issuers.acme.validation import Validation
from reconciler.issuers.kind import Opening
from reconciler.issuers.port import Issuer, IssuerUnusable
from state.values import CredentialReference

_WAIT: Final = timedelta(minutes=1)


def open_acme(opening: Opening) -> Issuer:
    """Open it; nothing is sent yet.

    Raises:
        IssuerUnusable: its settings are not in order.
    """
    declared: AcmeModel = opening.settings
    external = declared.eab if isinstance(declared.eab, ExternalAccount) else None
    settings = AcmeSettings(
        declared.directory,
        _validation(declared, opening),
        tuple(declared.contact),
        declared.agree_to_terms is True,
        opening.base / declared.account if declared.account else None,
        opening.base / declared.ca if declared.ca else None,
        Account(external.kid, _key(external.hmac, opening)) if external else None,
    )
    return AcmeIssuer(opening.name, settings, clock=opening.clock)


def _validation(declared: AcmeModel, opening: Opening) -> Validation:
    if isinstance(declared.http01, Http01):
        if declared.http01.webroot:
            return Webroot(opening.base / declared.http01.webroot)
        return Listener(*host_and_port(declared.http01.listen))
    way = declared.dns01
    if not isinstance(way, Dns01):
        raise IssuerUnusable(opening.name, "neither http01 nor dns01 is declared", "declare one of them")
    if isinstance(way.rfc2136, DynamicUpdate):
        return _updates(way.rfc2136, opening)
    return Hook(way.hook, opening.base)


def _updates(declared: DynamicUpdate, opening: Opening) -> Updates:
    host, port = host_and_port(declared.server)
    return Updates(
        host,
        port,
        str(declared.zone),
        declared.key,
        declared.algorithm if isinstance(declared.algorithm, str) else "hmac-sha256",
        _key(declared.secret, opening),
        declared.wait if isinstance(declared.wait, timedelta) else _WAIT,
    )


def _key(reference: CredentialReference, opening: Opening) -> Callable[[], str]:
    """Fetches a key when it is needed, and not before: an account that is there needs no binding."""
    name, base = opening.name, Path(opening.base)

    def fetch() -> str:
        try:
            return resolve_key(str(reference), base)
        except CredentialError as error:
            raise IssuerUnusable(name, str(error), error.hint) from error

    return fetch
