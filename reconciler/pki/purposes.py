"""What a certificate may be used for."""

from __future__ import annotations

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID


def is_for_clients(data: bytes) -> bool:
    """Whether a TLS client may show it; an extension that is not there restricts nothing (RFC 5280 4.2.1.12).

    Args:
        data: DER of a certificate that can be read.
    """
    try:
        usages = x509.load_der_x509_certificate(data).extensions.get_extension_for_class(
            x509.ExtendedKeyUsage
        )
    except x509.ExtensionNotFound:
        return True
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return False
    return bool(
        {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(usages.value)
    )
