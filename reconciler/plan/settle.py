"""What became of invocations whose answer was lost."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.cmdlets.mark import unmarked
from state.journal import Intent
from state.record import Learned, Request, StateRecord
from state.resources import Certificate, Kind
from state.snapshot import LiveState
from state.values import Name, Thumbprint


def settle(record: StateRecord, doubts: Iterable[Intent], live: LiveState) -> StateRecord:
    """Let Exchange say what happened.

    Only a request needs it. Whether a connector was made or changed, an answer imported or a service
    enabled is seen when desired and live are compared; but a request has a key that is nowhere
    declared, and on an Edge server its mark cannot be read. There, what is new against the list
    written with the intent is ours.

    Args:
        doubts: Intents without an outcome, oldest first.

    Returns:
        The record with the requests that were found. Where several certificates are new, none is taken.
    """
    for intent in doubts:
        server = live.servers.get(Name(intent.server))
        if intent.cmdlet != "New-ExchangeCertificate" or intent.address in record.requests or server is None:
            continue
        ours = {request.public_key for request in record.requests.values()}
        ours |= {
            entry.resource.public_key
            for entry in record.resources.values()
            if isinstance(entry.resource, Certificate) and isinstance(entry.resource.public_key, str)
        }
        new = [
            certificate
            for certificate in server.certificates.objects
            if str(certificate.thumbprint) not in intent.known and certificate.public_key not in ours
        ]
        if len(new) == 1 and isinstance(new[0].thumbprint, Thumbprint) and isinstance(new[0].public_key, str):
            request = Request(
                server=server.name,
                asked=_asked(intent),
                public_key=new[0].public_key,
                csr="",
                pending=new[0].thumbprint,
                since=intent.at,
            )
            record = record.learn(Learned(intent.address, record.resources.get(intent.address), request))
    return record


def _asked(intent: Intent) -> Certificate:
    """What was requested, from the parameters that were sent."""
    asked = {
        attribute.name: attribute.type.from_json(intent.parameters[attribute.exchange])
        for attribute in Certificate.attributes().values()
        if attribute.kind is Kind.WRITABLE and attribute.exchange in intent.parameters
    }
    if "friendly_name" in asked:
        asked["friendly_name"] = unmarked(asked["friendly_name"])
    return Certificate(**asked)
