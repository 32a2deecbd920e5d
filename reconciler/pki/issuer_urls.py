"""Where a certificate says that its issuer's certificate can be fetched; told, never followed."""

from __future__ import annotations

from typing import Final

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

_MOST: Final = 3
_LONGEST: Final = 200


def issuer_urls(data: bytes) -> tuple[str, ...]:
    """The addresses under ``caIssuers`` of a certificate (RFC 5280 4.2.2.1), as far as they may be shown.

    Args:
        data: DER of a certificate that can be read.
    """
    try:
        access = x509.load_der_x509_certificate(data).extensions.get_extension_for_class(
            x509.AuthorityInformationAccess
        )
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return ()
    urls = (
        one.access_location.value
        for one in access.value
        if one.access_method == AuthorityInformationAccessOID.CA_ISSUERS
        and isinstance(one.access_location, x509.UniformResourceIdentifier)
    )
    return tuple(url for url in urls if url.isprintable() and " " not in url and len(url) <= _LONGEST)[:_MOST]
