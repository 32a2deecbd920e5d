"""The files of an organization: one JSON file an object, one for a server's certificates.

One cmdlet changes one of these files, so there is no moment at which half of its work is kept.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from reconciler.lab.exchange.certificate_blob import CertificateFacts, read_facts
from reconciler.lab.exchange.certificates import StoredCertificate
from reconciler.lab.exchange.clixml import Obj, Scalar, write
from reconciler.lab.exchange.clixml_reader import read_one
from reconciler.lab.exchange.files import remove_durably, write_durably

ORDER = "order"


class Archive:
    """Files under one folder.

    Attributes:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._orders: dict[Path, int] = {}

    def put_object(self, folder: str, name: str, tree: Obj, *, is_export: bool) -> None:
        """Keep an object; a new one comes after those that are in the folder already."""
        path = self._path(folder, name)
        if path not in self._orders:
            self._orders[path] = max(self._orders.values(), default=-1) + 1
        record = {ORDER: self._orders[path], "is_export": is_export, "xml": write(tree)}
        write_durably(path, _json(record))

    def drop_object(self, folder: str, name: str) -> None:
        remove_durably(self._path(folder, name))

    def object(self, folder: str, name: str) -> tuple[Obj, bool]:
        """One object, and whether it came from an export."""
        path = self._path(folder, name)
        record = json.loads(path.read_text("utf-8"))
        self._orders[path] = int(record[ORDER])
        return read_one(record["xml"]), bool(record["is_export"])

    def objects(self, folder: str) -> list[tuple[Obj, bool]]:
        """The objects of a folder, in the order in which they came into it."""
        found: list[tuple[int, Obj, bool]] = []
        for path in (self.root / folder).glob("*.json"):
            record = json.loads(path.read_text("utf-8"))
            self._orders[path] = int(record[ORDER])
            found.append((self._orders[path], read_one(record["xml"]), bool(record["is_export"])))
        return [(tree, is_export) for _, tree, is_export in sorted(found, key=lambda each: each[0])]

    def put_certificates(
        self,
        folder: str,
        certificates: Iterable[StoredCertificate],
        default: str | None,
        intermediates: Iterable[bytes],
    ) -> None:
        record = {
            "default": default,
            "intermediates": [_base64(der) for der in intermediates],
            "certificates": [_certificate_record(stored) for stored in certificates],
        }
        write_durably(self._path(folder, "certificates"), _json(record))

    def certificates(
        self, folder: str
    ) -> tuple[tuple[StoredCertificate, ...], str | None, tuple[bytes, ...]]:
        """A server's certificates, the default one's thumbprint, and the intermediates."""
        record = json.loads(self._path(folder, "certificates").read_text("utf-8"))
        certificates = tuple(_certificate(each) for each in record["certificates"])
        return certificates, record["default"], tuple(_bytes(der) for der in record["intermediates"])

    def put_facts(self, facts: Mapping[str, Any]) -> None:
        write_durably(self._path(".", "organization"), _json(facts))

    def facts(self) -> Mapping[str, Any]:
        loaded: Mapping[str, Any] = json.loads(self._path(".", "organization").read_text("utf-8"))
        return loaded

    def _path(self, folder: str, name: str) -> Path:
        return self.root / folder / f"{name}.json"


def _certificate_record(stored: StoredCertificate) -> Mapping[str, Any]:
    return {
        "der": _base64(stored.der),
        "friendly_name": stored.friendly_name,
        "services": stored.services,
        "sites": list(stored.sites),
        "exportable": stored.exportable,
        "root_ca_type": stored.root_ca_type,
        "request": stored.request and _base64(stored.request),
        "container": str(stored.container),
        "export": stored.export and write(stored.export),
    }


def _certificate(record: Mapping[str, Any]) -> StoredCertificate:
    export = record["export"] and read_one(record["export"])
    return StoredCertificate(
        der=_bytes(record["der"]),
        friendly_name=record["friendly_name"],
        services=record["services"],
        sites=tuple(record["sites"]),
        exportable=record["exportable"],
        root_ca_type=record["root_ca_type"],
        request=record["request"] and _bytes(record["request"]),
        container=UUID(record["container"]),
        export=export or None,
        export_facts=facts_of(export) if export else None,
    )


def facts_of(tree: Obj) -> CertificateFacts | None:
    """What a certificate object's blob says; None when it has none.

    Raises:
        BadBlob: there is one, and it cannot be read.
    """
    blob = (tree.notes or {}).get("SerializationData")
    return read_facts(base64.b64decode(blob.text)) if isinstance(blob, Scalar) else None


def _json(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=True, indent=1).encode()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
