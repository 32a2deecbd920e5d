"""The examples are what people start from."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from reconciler.config import load
from state.resources import Certificate, ReceiveConnector, SendConnector

EXAMPLES = Path(__file__).parents[3] / "examples"
FOLDERS = sorted(path.parent for path in EXAMPLES.glob("*/tls.yaml"))
TODAY = date(2026, 7, 1)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_every_example_is_without_fault(folder: Path) -> None:
    """Not even a warning, whether the folder or the file is named."""
    for path in (folder, folder / "tls.yaml"):
        outcome = load(path, today=TODAY)
        assert outcome.diagnostics == ()
        assert outcome.desired is not None


def test_contoso_has_everything_once() -> None:
    """All three kinds, a set of several servers and one of an Edge server, groups, certificates, bindings."""
    desired = load(EXAMPLES / "contoso", today=TODAY).desired
    assert desired is not None
    assert [str(name) for name in desired.servers] == ["MBX1", "MBX2", "EDGE1"]
    assert [str(address) for address, _ in desired.snapshot.of(Certificate)] == [
        "certificate.MBX1.internet",
        "certificate.MBX2.internet",
        "certificate.EDGE1.public",
    ]
    validated = '"DomainValidation mail.protection.outlook.com"'
    assert [str(address) for address, _ in desired.snapshot.of(SendConnector)] == [
        "send_connector.EDGE1.tls_required",
        f"send_connector.EDGE1.tls_required.{validated}",
        "send_connector.EDGE1.tls_never",
        "send_connector.EDGE1.opportunistic",
        "send_connector.internet.tls_required",
        f"send_connector.internet.tls_required.{validated}",
        "send_connector.internet.tls_never",
        "send_connector.internet.opportunistic",
    ]
    assert [str(address) for address, _ in desired.snapshot.of(ReceiveConnector)] == [
        'receive_connector.MBX1."Default Frontend MBX1"',
        'receive_connector.MBX2."Default Frontend MBX2"',
        'receive_connector.EDGE1."Default internal receive connector EDGE1"',
    ]
