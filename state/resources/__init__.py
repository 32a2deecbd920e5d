"""The kinds of objects that are declared, read and recorded."""

from .attribute import Attribute, Json, Kind, ValueType
from .certificate import Certificate
from .certificate_reference import CertificateReference
from .edge_subscription import EdgeSubscription
from .receive_connector import ReceiveConnector
from .resource import Resource
from .send_connector import SendConnector
from .server import AcceptedDomain, Build, Server

KINDS: dict[str, type[Resource]] = {
    cls.kind: cls
    for cls in (Certificate, SendConnector, ReceiveConnector, Server, AcceptedDomain, EdgeSubscription)
}

__all__ = [
    "KINDS",
    "AcceptedDomain",
    "Attribute",
    "Build",
    "Certificate",
    "CertificateReference",
    "EdgeSubscription",
    "Json",
    "Kind",
    "ReceiveConnector",
    "Resource",
    "SendConnector",
    "Server",
    "ValueType",
]
