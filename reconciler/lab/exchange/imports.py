"""Starting from Export-Clixml files of a real organization: a dress rehearsal on a copy of it.

Objects are recognized by their type names. Everything that is found is placed or told.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from reconciler.lab.exchange import enums
from reconciler.lab.exchange.archive import Archive, facts_of
from reconciler.lab.exchange.builds import Build, build_of_display, newest
from reconciler.lab.exchange.certificate_blob import friendly_name_of
from reconciler.lab.exchange.certificates import StoredCertificate
from reconciler.lab.exchange.clixml import Obj, Scalar, text_of, texts_of
from reconciler.lab.exchange.clixml_reader import BadClixml, read
from reconciler.lab.exchange.directory import Forest, forest_of_dn
from reconciler.lab.exchange.founding import (
    ACTIVE_DIRECTORY,
    DOMAIN,
    active_directory,
    add_edge_server,
    bare_server,
    save,
)
from reconciler.lab.exchange.keys import KeyRing, KeySource
from reconciler.lab.exchange.nrbf_reader import BadBlob
from reconciler.lab.exchange.objects.receive_connector import Home
from reconciler.lab.exchange.organization import Organization, Partition, Server, Stored

CLIENT_NOTES = frozenset({"PSComputerName", "RunspaceId", "PSShowComputerName"})
"""Added by the PowerShell client that exported; the server never sent them [6.1-4]."""

DESERIALIZED = "Deserialized."
MANAGEMENT = "Microsoft.Exchange.Management.SystemConfigurationTasks."
CONFIGURATION = "Microsoft.Exchange.Data.Directory.SystemConfiguration."
KINDS = {
    "Microsoft.Exchange.Data.Directory.Management.ExchangeServer": "server",
    f"{CONFIGURATION}SmtpSendConnectorConfig": "send connector",
    f"{CONFIGURATION}ReceiveConnector": "receive connector",
    f"{CONFIGURATION}AcceptedDomain": "accepted domain",
    f"{MANAGEMENT}ExchangeCertificate": "certificate",
}


class UnusableExport(Exception):
    """Nothing in the folder is an Exchange object that the lab knows; the message says what is there."""
