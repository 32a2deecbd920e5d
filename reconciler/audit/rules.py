"""Everything that an audit looks for. docs/audit.md has the same list, with what each rests on."""

from __future__ import annotations

from typing import Final

from .finding import Rule

DANGLING: Final = Rule(
    "dangling-binding",
    "Bound to a certificate that is not there",
    "import the certificate there, or bind the connector to one that is: Set-SendConnector or "
    "Set-ReceiveConnector, -TlsCertificateName",
)
NOT_ENABLED: Final = Rule(
    "binding-not-enabled",
    "Bound to a certificate that is not enabled for SMTP",
    "Enable-ExchangeCertificate -Services SMTP; No where it asks keeps the default certificate",
)
NOT_COVERED: Final = Rule(
    "name-not-covered",
    "No certificate for the name it answers with",
    "bind the connector to a certificate with -TlsCertificateName, or enable one for SMTP that has the name",
)
EXPIRED: Final = Rule(
    "certificate-expired",
    "Certificate expired",
    "renew it; or remove it, if nothing needs it",
)
EXPIRES: Final = Rule(
    "certificate-expires",
    "Certificate expires soon",
    "renew it now: a request may take days",
)
SUPERSEDED: Final = Rule(
    "certificate-superseded",
    "Expired certificate left behind by its successor",
    "remove it, once no connector names its issuer and subject: Exchange refuses to before",
)
SAME_NAME: Final = Rule(
    "certificates-of-one-name",
    "Several valid certificates with one issuer and subject",
    "keep the newest, and remove the others once it is seen to be presented",
)
UNUSED: Final = Rule(
    "certificate-unused",
    "Enabled for SMTP, and presented by no connector",
    "remove it if nothing else needs it: a service cannot be taken off a certificate",
)
SOURCE_GONE: Final = Rule(
    "source-server-gone",
    "Source server not in the organization",
    "take it out of the connector with Set-SendConnector -SourceTransportServers",
)
NO_SOURCE: Final = Rule(
    "no-source-server",
    "No source server left",
    "name one with Set-SendConnector -SourceTransportServers, or remove the connector",
)
SHADOWED: Final = Rule(
    "connector-shadowed",
    "Never chosen for a domain",
    "leave the domain to one connector, or give it the lower cost there",
)
TWO_PROTECTIONS: Final = Rule(
    "two-protections",
    "One domain under two protections",
    "leave the domain to one connector, or protect it alike in both",
)
FALLS_THROUGH: Final = Rule(
    "falls-through",
    "Mail can take a less protected connector",
    "enable the connector, take the scope off it, or let it take messages as large as the others do",
)
EXCEPTION: Final = Rule(
    "tls-never",
    "Mail is sent without TLS",
    "ask whether the partner's STARTTLS still fails; if not, Set-SendConnector -IgnoreSTARTTLS $false",
)
NOT_VALIDATED: Final = Rule(
    "tls-not-validated",
    "TLS with anybody",
    "ask for more with -TlsAuthLevel, if the partner's certificate allows it",
)
RECEIVE_WITHOUT_TLS: Final = Rule(
    "receive-without-tls",
    "Does not offer STARTTLS",
    "add Tls to its AuthMechanism with Set-ReceiveConnector",
)
HYBRID: Final = Rule(
    "hybrid-object",
    "Belongs to a hybrid configuration",
    "leave it to the Hybrid Configuration wizard",
)
EDGE_SYNC: Final = Rule(
    "edgesync-object",
    "Belongs to an Edge subscription",
    "leave it to EdgeSync, and change it by subscribing again",
)
READ_IT: Final = "let it be read, then audit again"
"""The remedy of what is unknown, whatever the rule."""

NOT_READ: Final = Rule(
    "not-read",
    "Not read",
    "let the account read it, or mend the server; then audit again",
)
NOT_AUDITED: Final = Rule(
    "server-not-audited",
    "Server not looked at",
    "add it to the connections file",
)

RULES: Final = (
    DANGLING,
    NOT_ENABLED,
    NOT_COVERED,
    EXPIRED,
    EXPIRES,
    SUPERSEDED,
    SAME_NAME,
    UNUSED,
    SOURCE_GONE,
    NO_SOURCE,
    SHADOWED,
    TWO_PROTECTIONS,
    FALLS_THROUGH,
    EXCEPTION,
    NOT_VALIDATED,
    RECEIVE_WITHOUT_TLS,
    HYBRID,
    EDGE_SYNC,
    NOT_READ,
    NOT_AUDITED,
)
