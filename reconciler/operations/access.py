"""From a declared connection to one that can be opened: what its reference leads to is fetched here."""

from __future__ import annotations

from reconciler.config.desired import Connection
from reconciler.credentials.errors import CredentialError
from reconciler.credentials.reference import resolve, resolve_certificate
from reconciler.credentials.secret import Secret
from reconciler.exchange import port


def connection_to(declared: Connection, *, writes: bool) -> port.Connection:
    """A declared connection, and who signs on.

    Args:
        writes: With the account that may change something, where there are two; the other is left closed.

    Raises:
        CredentialError: the reference leads to nothing that can be used.
    """
    reference = declared.write_credential if writes else declared.credential
    auth = port.Auth(declared.auth)
    secret, certificate = Secret("", ""), ""
    if reference is not None and auth is port.Auth.CERTIFICATE:
        certificate = resolve_certificate(reference, declared.base).pem
    elif reference is not None:
        secret = resolve(reference, declared.base)
    elif auth is not port.Auth.KERBEROS:
        raise CredentialError(
            "(none)",
            f"no credential is declared for {declared.name}",
            "declare connection: {credential: ...}; with auth: kerberos tickets do as well",
        )
    return port.Connection(
        server=str(declared.name),
        url=declared.url,
        endpoint=port.Endpoint(declared.endpoint),
        user=secret.user,
        password=secret.password,
        ca=declared.ca,
        auth=auth,
        client_certificate=certificate,
        service=declared.service,
    )
