"""A connector that only follows its certificate, on the wire: one cmdlet with one value, and then nothing."""

from __future__ import annotations

from pathlib import Path

from tests.contoso import ONE_SERVER, contoso

CLIENTS = "Client Frontend MBX1"
FOLLOWS = f'      "{CLIENTS}": {{follow: [certificate], certificate: public}}\n'


def test_is_bound_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "tls.yaml"
    path.write_text(ONE_SERVER + FOLLOWS, encoding="utf-8")
    with contoso(tmp_path, path, servers=1, edges=0) as running:
        assert running.apply().applied
        sent = [
            one["parameters"]
            for one in running.cmdlets(mutating=True)
            if str(one["parameters"].get("Identity", "")).endswith(CLIENTS)
        ]
        assert [given.keys() for given in sent] == [{"Identity", "TlsCertificateName", "DomainController"}]
        assert running.plan().plan.is_empty
