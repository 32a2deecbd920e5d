"""What Get-Queue gives.

No export of one is at hand. The types are those that Microsoft's articles on the queue viewer name (for
2013 and later, the one on its cumulative update 11), the properties those of its list; the order is ours.
"""

from __future__ import annotations

from reconciler.lab.exchange.clixml import NIL, Obj, Scalar, Value, boolean, int32, string
from reconciler.lab.exchange.objects.receive_connector import Home
from reconciler.lab.exchange.values import OBJECT, enum

VIEWER = "Microsoft.Exchange.Data.QueueViewer."
SUBMISSION = "Submission"
"""The queue that every transport service has, messages or none."""


def submission_queue(home: Home) -> Obj:
    """The submission queue of a server through which no mail flows."""
    kinds = ("PropertyBagBasedQueueInfo", "ExtensibleQueueInfo") if home.build.is_modern else ("QueueInfo",)
    text = f"{home.name}\\{SUBMISSION}"
    identity = Obj((f"{VIEWER}QueueIdentity", OBJECT), text)
    properties: dict[str, Value] = {
        "Identity": identity,
        "DeliveryType": enum("Microsoft.Exchange.Data.Transport.DeliveryType", "Undefined", 0),
        "NextHopDomain": string(SUBMISSION),
        "NextHopConnector": Scalar("G", "00000000-0000-0000-0000-000000000000"),
        "Status": enum(f"{VIEWER}QueueStatus", "Ready", 3),
        "MessageCount": int32(0),
        "DeferredMessageCount": int32(0),
        "LastError": string(""),
        "LastRetryTime": NIL,
        "NextRetryTime": NIL,
        "IsValid": boolean(True),
    }
    types = (*(f"{VIEWER}{kind}" for kind in kinds), "Microsoft.Exchange.Data.ConfigurableObject", OBJECT)
    return Obj(types, text, None, properties, None)
