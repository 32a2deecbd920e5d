"""Starting from exports: everything is placed or told, and stays as it was."""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from reconciler.lab.exchange.archive import facts_of
from reconciler.lab.exchange.clixml import Obj, write
from reconciler.lab.exchange.clixml_reader import read
from reconciler.lab.exchange.imports import CLIENT_NOTES, UnusableExport
from tests.rules import rule

SAMPLES = Path(__file__).parent.parent / "samples"


@pytest.fixture
def copy(new_lab: Callable[..., Any]) -> Any:
    """The organization of the samples."""
    return new_lab(from_clixml=SAMPLES)


def exported(name: str) -> list[Obj]:
    values = read((SAMPLES / name).read_bytes())
    return [value.without_notes(CLIENT_NOTES) for value in values if isinstance(value, Obj)]


def remark(lab: Any, *words: str) -> str:
    (found,) = (r for r in lab.exchange.remarks() if all(word in r for word in words))
    return str(found)


class TestAnExport:
    @rule("6.1-4")
    @pytest.mark.parametrize(
        ("cmdlet", "file"),
        [
            ("Get-SendConnector", "GetSendConnector.xml"),
            ("Get-ReceiveConnector", "GetReceiveConnector.xml"),
            ("Get-AcceptedDomain", "GetAcceptedDomain.xml"),
            ("Get-ExchangeCertificate", "GetExchangeCertificate.xml"),
        ],
    )
    def test_comes_out_as_it_went_in(self, copy: Any, cmdlet: str, file: str) -> None:
        """Every property and every blob; without what the exporting client added [6.1-4]."""
        assert sorted(copy.run(cmdlet).xml) == sorted(write(tree) for tree in exported(file))

    def test_is_not_signed_by_a_server_that_signs(self, copy: Any) -> None:
        """MBX7 is of a build that signs; the blobs of the export stay as they are."""
        assert copy.run("Get-SendConnector", on="MBX7").xml == copy.run("Get-SendConnector").xml

    def test_gives_servers_their_own_versions(self, copy: Any) -> None:
        builds = {s.name: s.build for s in copy.exchange.servers()}
        assert builds == {"MBX1": "2019-cu11", "MBX7": "SE-rtm"}

    def test_adds_a_server_that_is_only_mentioned(self, copy: Any) -> None:
        assert remark(copy, "MBX7", "source servers")
        assert copy.run("Get-ExchangeCertificate", on="MBX7").objects == []

    def test_counts_a_certificate_once(self, copy: Any) -> None:
        """The copy with serialization data counts, and it is told."""
        found = copy.run("Get-ExchangeCertificate").objects
        assert len(found) == 2
        assert all(facts_of(value) for value in found if isinstance(value, Obj))
        assert remark(copy, "twice", "serialization data")

    def test_tells_what_has_no_place(self, copy: Any) -> None:
        assert remark(copy, "Notes.xml", "Hashtable")

    def test_survives_being_opened_again(self, copy: Any) -> None:
        before = copy.run("Get-SendConnector").xml, copy.exchange.remarks()
        copy.exchange = copy.reopened()
        assert (copy.run("Get-SendConnector").xml, copy.exchange.remarks()) == before

    def test_can_have_edge_servers_beside_it(self, new_lab: Callable[..., Any]) -> None:
        lab = new_lab(from_clixml=SAMPLES, edges=1)
        assert [s.name for s in lab.exchange.servers()] == ["MBX1", "MBX7", "EDGE1"]

    def test_that_only_a_computer_name_places(self, new_lab: Callable[..., Any], tmp_path: Path) -> None:
        folder = tmp_path / "exports"
        folder.mkdir()
        shutil.copy(SAMPLES / "GetExchangeCertificate-plain.xml", folder)
        lab = new_lab(from_clixml=folder)
        assert [s.name for s in lab.exchange.servers()] == ["mbx1"]
        (certificate,) = lab.run("Get-ExchangeCertificate", on="mbx1").objects
        assert isinstance(certificate, Obj)
        assert certificate.notes is None
        assert (certificate.types or ("",))[0].startswith("Microsoft.Exchange.")

    @pytest.mark.parametrize("content", [None, b"", b"<Objs><S>x</S></Objs>"])
    def test_of_nothing_is_refused(
        self, new_lab: Callable[..., Any], tmp_path: Path, content: bytes | None
    ) -> None:
        folder = tmp_path / "exports"
        folder.mkdir()
        if content is not None:
            (folder / "a.xml").write_bytes(content)
        with pytest.raises(UnusableExport):
            new_lab(from_clixml=folder)

    def test_unreadable_beside_readable_is_told(self, new_lab: Callable[..., Any], tmp_path: Path) -> None:
        folder = tmp_path / "exports"
        shutil.copytree(SAMPLES, folder)
        (folder / "broken.xml").write_bytes(b"<Objs><Obj>")
        assert remark(new_lab(from_clixml=folder), "broken.xml", "not XML")


class TestAChangeToAnExport:
    def test_touches_only_what_it_names(self, copy: Any) -> None:
        copy.run("Set-SendConnector", Identity="Partner mail", Comment="new")
        (before,), after = exported("GetSendConnector.xml"), copy.run("Get-SendConnector").one
        assert before.properties is not None
        assert after.properties is not None
        assert list(after.properties) == list(before.properties)
        differing = {n for n in after.properties if _alone(after, n) != _alone(before, n)}
        assert differing == {"Comment", "WhenChanged", "WhenChangedUTC"}

    def test_drops_the_blob_of_the_whole_but_no_other(
        self, new_lab: Callable[..., Any], tmp_path: Path
    ) -> None:
        """The property bag in it would tell of another time."""
        blob = ('<S N="PSComputerName">', '<BA N="SerializationData">AAAA</BA><S N="PSComputerName">')
        lab = new_lab(from_clixml=altered(tmp_path / "e", "GetSendConnector.xml", blob))
        (before,) = lab.run("Get-SendConnector").xml
        lab.run("Set-SendConnector", Identity="Partner mail", Comment="new")
        (after,) = lab.run("Get-SendConnector").xml
        assert ">AAAA<" in before
        assert ">AAAA<" not in after
        assert after.count("SerializationData") == before.count("SerializationData") - 1

    def test_is_not_refused_for_what_was_there_before(
        self, new_lab: Callable[..., Any], tmp_path: Path
    ) -> None:
        """Two connectors on one binding, however that came about; neither binding is touched."""
        folder = altered(tmp_path / "e", "GetReceiveConnector.xml")
        twin = ("Default Frontend", "Twin"), ('<G N="Guid">', '<G N="Guid">f')
        altered(folder, "GetReceiveConnector.xml", *twin, name="twin.xml")
        lab = new_lab(from_clixml=folder)
        assert len(lab.run("Get-ReceiveConnector").objects) == 2
        assert lab.run("Set-ReceiveConnector", Identity="MBX1\\Twin MBX1", Comment="x").errors == []

    def test_of_services_is_in_the_blob(self, copy: Any) -> None:
        first = copy.run("Get-ExchangeCertificate").objects[0]
        before = facts_of(first)
        assert before is not None
        key = before.identity.rpartition("\\")[2]
        copy.run("Enable-ExchangeCertificate", Thumbprint=key, Services="POP")
        after = facts_of(copy.run("Get-ExchangeCertificate", Thumbprint=key).one)
        assert after is not None
        assert after.services == before.services | 2
        assert after.element == before.element


def _alone(tree: Obj, name: str) -> str:
    assert tree.properties is not None
    return write(tree.properties[name])


def altered(folder: Path, file: str, *changes: tuple[str, str], name: str = "") -> Path:
    """Copy one sample into a folder with texts replaced."""
    folder.mkdir(exist_ok=True)
    text = (SAMPLES / file).read_bytes().decode("utf-8-sig")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / (name or file)).write_text(text, "utf-8")
    return folder


PLAIN = "GetExchangeCertificate-plain.xml"


class TestWhatIsOdd:
    """Told, never dropped in silence."""

    def test_a_server_found_twice(self, new_lab: Callable[..., Any], tmp_path: Path) -> None:
        folder = altered(tmp_path / "e", "GetExchangeServer.xml")
        altered(folder, "GetExchangeServer.xml", name="again.xml")
        lab = new_lab(from_clixml=folder)
        assert len(lab.exchange.servers()) == 1
        assert remark(lab, "server MBX1", "twice")

    def test_a_version_that_nobody_knows(self, new_lab: Callable[..., Any], tmp_path: Path) -> None:
        old = ("Version 15.2 (Build 986.5)", "Version 6.5 (Build 7638.2)")
        lab = new_lab(from_clixml=altered(tmp_path / "e", "GetExchangeServer.xml", old))
        assert lab.exchange.servers()[0].build == "SE-rtm"
        assert remark(lab, "6.5", "not known")

    def test_an_edge_server(self, new_lab: Callable[..., Any], tmp_path: Path) -> None:
        edge = ('<B N="IsEdgeServer">false', '<B N="IsEdgeServer">true')
        lab = new_lab(from_clixml=altered(tmp_path / "e", "GetExchangeServer.xml", edge))
        assert lab.exchange.servers()[0].is_edge
        assert remark(lab, "Edge server MBX1", "send connectors")

    def test_a_connector_found_twice(self, new_lab: Callable[..., Any], tmp_path: Path) -> None:
        folder = altered(tmp_path / "e", "GetSendConnector.xml")
        altered(folder, "GetSendConnector.xml", name="again.xml")
        lab = new_lab(from_clixml=folder)
        assert lab.run("Get-SendConnector").one
        assert remark(lab, "send connector Partner mail", "twice")

    def test_a_connector_without_a_guid(self, new_lab: Callable[..., Any], tmp_path: Path) -> None:
        folder = altered(tmp_path / "e", "GetSendConnector.xml", ('<G N="Guid">', '<G N="Other">'))
        assert remark(new_lab(from_clixml=folder), "no GUID")

    def test_a_receive_connector_of_no_server(self, new_lab: Callable[..., Any], tmp_path: Path) -> None:
        anonymous = ('<Obj N="Identity"', '<Obj N="Other"'), ('<Obj N="Server"', '<Obj N="Another"')
        folder = altered(tmp_path / "e", "GetReceiveConnector.xml", *anonymous)
        assert remark(new_lab(from_clixml=folder), "names no server")

    def test_a_certificate_of_no_server(self, new_lab: Callable[..., Any], tmp_path: Path) -> None:
        anonymous = ('N="PSComputerName"', 'N="Other"')
        folder = altered(tmp_path / "e", PLAIN, anonymous)
        assert remark(new_lab(from_clixml=folder), "CN=MBX1", "names no server")

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (('N="RawData"', 'N="Other"'), "no RawData"),
            (('<BA N="RawData">MII', '<BA N="RawData">AAA'), "can't be read"),
            (("<MS>", '<MS><BA N="SerializationData">AAAA</BA>'), "can't be read"),
        ],
    )
    def test_a_certificate_that_is_none(
        self, new_lab: Callable[..., Any], tmp_path: Path, change: tuple[str, str], told: str
    ) -> None:
        assert remark(new_lab(from_clixml=altered(tmp_path / "e", PLAIN, change)), "CN=MBX1", told)

    def test_a_certificate_whose_alternative_names_are_damaged(
        self, new_lab: Callable[..., Any], tmp_path: Path
    ) -> None:
        """Windows keeps it; it is good for its common name."""
        text = (SAMPLES / PLAIN).read_text(encoding="utf-8")
        (written,) = re.findall('<BA N="RawData">([^<]+)<', text)
        der = base64.b64decode(written)
        at = der.index(b"\x06\x03\x55\x1d\x11")  # subjectAltName; its first name has a length of 255
        damaged = der[:at] + re.sub(rb"\x82[\x01-\x7f]", b"\x82\x7f", der[at:], count=1)
        assert damaged != der
        change = (written, base64.b64encode(damaged).decode())
        lab = new_lab(from_clixml=altered(tmp_path / "e", PLAIN, change))
        (server,) = lab.exchange.snapshot()["servers"].values()
        (certificate,) = server["certificates"].values()
        assert certificate["domains"] == ["mbx1"]

    @rule("2.3-4")
    def test_no_export_says_which_certificate_is_the_default(self, copy: Any) -> None:
        """[2.3-4]"""
        assert remark(copy, "server MBX1", "default for SMTP", "assumed")

    def test_a_missing_connector_on_port_25(self, new_lab: Callable[..., Any], tmp_path: Path) -> None:
        folder = altered(tmp_path / "e", "GetExchangeServer.xml")
        shutil.copy(SAMPLES / "GetExchangeCertificate.xml", folder)
        lab = new_lab(from_clixml=folder)
        assert remark(lab, "no receive connector on port 25")
        presented = lab.exchange.smtp_identity("MBX1").chain_pem
        (names,) = (server["certificates"].values() for server in lab.exchange.snapshot()["servers"].values())
        assert x509.load_pem_x509_certificate(presented).subject.rfc4514_string() in [
            certificate["subject"] for certificate in names
        ]
