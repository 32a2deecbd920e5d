"""Bytes of records, journals and locks: what we wrote is read, everything else is refused in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from state import codec
from state.address import Address
from state.codec import Heading, Malformed
from state.errors import StateTooNew, StateUnreadable
from state.journal import Entry, Intent, Outcome
from state.lock import LockInfo
from state.record import Learned, Recorded, Request, StateRecord
from state.resources import Certificate, Json, Resource, SendConnector
from state.values import UNKNOWN, AddressSpace, Deferred, DomainPattern, Name, Thumbprint

PLACE = "record.json"
AT = datetime(2027, 1, 31, 12, tzinfo=UTC)
PUBLIC = Address.of("certificate", "EX1", "public")
O365 = Address.of("send_connector", "Mail to O365")
ASKED = Certificate(subject="CN=mail.contoso.com", domains=frozenset({DomainPattern("mail.contoso.com")}))
RECORD = StateRecord(
    organization="contoso",
    lineage="3f0c",
    serial=7,
    resources={
        O365: Recorded(
            SendConnector(
                name=Name("Mail to O365"),
                address_spaces=frozenset({AddressSpace("*")}),
                require_tls=True,
                fqdn=None,
                comment=UNKNOWN,
                tls_certificate_name=Deferred(PUBLIC, "tls_certificate_name"),
            ),
            created=False,
            at=AT,
        )
    },
    requests={
        PUBLIC: Request(
            server=Name("EX1"),
            asked=ASKED,
            public_key="ab12",
            csr="-----BEGIN CERTIFICATE REQUEST-----\n",
            pending=Thumbprint("A" * 40),
            since=AT,
        )
    },
)
ENTRIES: tuple[Entry, ...] = (
    Intent("1", O365, "EX1", "Set-SendConnector", {"Fqdn": None, "Port": 25}, ("B" * 40,), AT),
    Outcome("1", "", AT),
    Learned(O365, RECORD.resources[O365]),
    Learned(PUBLIC, None, RECORD.requests[PUBLIC]),
)

WRITTEN_1: dict[str, Any] = {
    "format_version": 1,
    "organization": "contoso",
    "lineage": "3f0c",
    "serial": 7,
    "resources": {
        'send_connector."Mail to O365"': {
            "resource": {
                "kind": "send_connector",
                "attributes": {
                    "name": "Mail to O365",
                    "address_spaces": ["SMTP:*;1"],
                    "require_tls": True,
                    "tls_certificate_name": {"deferred": "certificate.EX1.public#tls_certificate_name"},
                    "fqdn": None,
                    "comment": {"unknown": True},
                },
            },
            "created": False,
            "at": "2027-01-31T12:00:00Z",
        }
    },
    "requests": {
        "certificate.EX1.public": {
            "server": "EX1",
            "asked": {
                "kind": "certificate",
                "attributes": {"subject": "CN=mail.contoso.com", "domains": ["mail.contoso.com"]},
            },
            "public_key": "ab12",
            "csr": "-----BEGIN CERTIFICATE REQUEST-----\n",
            "pending": "A" * 40,
            "since": "2027-01-31T12:00:00Z",
            "answer": "",
        }
    },
}
WRITTEN: dict[str, Any] = {
    **WRITTEN_1,
    "format_version": 2,
    "resources": {
        at: {**recorded, "milestones": {}, "predecessors": []}
        for at, recorded in WRITTEN_1["resources"].items()
    },
    "requests": {
        at: {
            **request,
            "submitted": None,
            "reference": "",
            "waits": "",
            "next_try": None,
            "issued": None,
            "urgent": "",
            "renews": None,
        }
        for at, request in WRITTEN_1["requests"].items()
    },
}


class TestARecord:
    @given(st.from_type(StateRecord))
    def test_survives_being_written_and_read(self, record: StateRecord) -> None:
        """UNSET, UNKNOWN, deferred, null and every value, of every kind."""
        read = codec.decode_record(codec.encode_record(record), PLACE)
        assert read == record
        assert list(read.resources) == list(record.resources)

    def test_of_format_2_looks_like_this(self) -> None:
        """What is on people's disks can be read for ever: change this only with a new format."""
        assert json.loads(codec.encode_record(RECORD)) == WRITTEN

    @pytest.mark.parametrize("written", [WRITTEN_1, WRITTEN])
    def test_of_format_1_or_2_is_read(self, written: dict[str, Json]) -> None:
        """Whatever order its keys have by now."""
        shuffled = dict(reversed(written.items()))
        assert codec.decode_record(json.dumps(shuffled).encode(), PLACE) == RECORD

    def test_is_written_the_same_way_every_time(self) -> None:
        """A record under version control changes only where something changed."""
        spaces = [AddressSpace(f"{letter}.example") for letter in "hgfedcba"]
        one, other = (
            StateRecord("c", "l", 1, {O365: Recorded(SendConnector(address_spaces=frozenset(s)), True, AT)})
            for s in (spaces, spaces[::-1])
        )
        assert codec.encode_record(one) == codec.encode_record(other)

    def test_of_a_later_format_is_told_from_a_damaged_one(self) -> None:
        """The remedy is another: a newer program."""
        with pytest.raises(StateTooNew) as raised:
            codec.decode_record(b'{"format_version": 3, "what": "ever"}', PLACE)
        assert raised.value == StateTooNew(PLACE, found=3, supported=2)


class TestAJournal:
    @given(st.lists(st.from_type(Intent) | st.from_type(Outcome) | st.from_type(Learned), max_size=4))
    def test_line_survives_being_written_and_read(self, entries: list[Entry]) -> None:
        """All entries of one append are on one line, whatever is in them."""
        line = codec.encode_entries(entries)
        assert (line.count(b"\n"), line[-1:]) == (1, b"\n")
        assert codec.decode_entries(line, PLACE) == tuple(entries)

    def test_line_of_format_1_looks_like_this(self) -> None:
        """As the record: read for ever."""
        recorded, request = WRITTEN["resources"], WRITTEN["requests"]
        assert isinstance(recorded, dict)
        assert isinstance(request, dict)
        assert json.loads(codec.encode_entries(ENTRIES)) == [
            {
                "intent": {
                    "id": "1",
                    "address": 'send_connector."Mail to O365"',
                    "server": "EX1",
                    "cmdlet": "Set-SendConnector",
                    "parameters": {"Fqdn": None, "Port": 25},
                    "known": ["B" * 40],
                    "at": "2027-01-31T12:00:00Z",
                }
            },
            {"outcome": {"intent": "1", "error": "", "at": "2027-01-31T12:00:00Z"}},
            {
                "learned": {
                    "address": 'send_connector."Mail to O365"',
                    "recorded": recorded['send_connector."Mail to O365"'],
                    "request": None,
                }
            },
            {
                "learned": {
                    "address": "certificate.EX1.public",
                    "recorded": None,
                    "request": request["certificate.EX1.public"],
                }
            },
        ]

    @given(st.builds(Heading, st.text(), st.integers(0, 2**53)))
    def test_heading_survives_being_written_and_read(self, heading: Heading) -> None:
        """It says which record the lines go on from."""
        assert codec.decode_heading(codec.encode_heading(heading), PLACE) == heading

    def test_heading_of_a_later_format_is_told_from_a_damaged_one(self) -> None:
        """The lines below it are not even looked at."""
        with pytest.raises(StateTooNew):
            codec.decode_heading(b'{"format_version": 3}', PLACE)


class TestALock:
    @given(st.from_type(LockInfo))
    def test_survives_being_written_and_read(self, info: LockInfo) -> None:
        """The person who finds it taken is told all of it."""
        assert codec.decode_lock(codec.encode_lock(info), PLACE) == info


class TestAResource:
    @given(st.from_type(Resource))
    def test_survives_being_written_and_read(self, resource: Resource) -> None:
        """Plan files hold resources too."""
        assert codec.resource_from_json(codec.resource_to_json(resource)) == resource

    @pytest.mark.parametrize(
        ("wrong", "where", "reason"),
        [
            ([], "after", "an object is expected"),
            ({"attributes": {}}, "after.kind", "it is missing"),
            ({"kind": "server"}, "after.attributes", "it is missing"),
            ({"kind": "mailbox", "attributes": {}}, "after.kind", "there is no kind 'mailbox'"),
            ({"kind": "server", "attributes": {}, "x": 1}, "after.x", "this format has no such key"),
            (
                {"kind": "server", "attributes": {"colour": "red"}},
                "after.attributes.colour",
                "a server has no such attribute",
            ),
            (
                {"kind": "server", "attributes": {"fqdn": "no domain"}},
                "after.attributes.fqdn",
                "'no domain' is not a domain name",
            ),
            (
                {"kind": "server", "attributes": {"fqdn": {"unknown": False}}},
                "after.attributes.fqdn",
                "\"{'unknown': False}\" is not a domain name",
            ),
            (
                {"kind": "server", "attributes": {"fqdn": {"deferred": "certificate.EX1"}}},
                "after.attributes.fqdn",
                "'certificate.EX1' is not a deferred value such as certificate.EX1.public#thumbprint",
            ),
        ],
    )
    def test_of_another_shape_is_refused_with_its_place(self, wrong: Json, where: str, reason: str) -> None:
        """In a record of thousands, "not JSON we know" would help nobody."""
        with pytest.raises(Malformed) as raised:
            codec.resource_from_json(wrong, "after")
        assert raised.value == Malformed(where, reason)


def without(key: str) -> Callable[[dict[str, Any]], None]:
    return lambda written: written.pop(key)


def put(value: Any, *path: str) -> Callable[[dict[str, Any]], None]:
    def change(written: dict[str, Any]) -> None:
        for key in path[:-1]:
            written = written[key]
        written[path[-1]] = value

    return change


CONNECTOR = 'send_connector."Mail to O365"'
REQUEST = "certificate.EX1.public"


class TestADamagedRecord:
    @pytest.mark.parametrize(
        ("damage", "reason"),
        [
            (without("format_version"), "format_version: it is missing"),
            (put(0, "format_version"), "it has format version 0"),
            (put("1", "format_version"), "format_version: a whole number is expected"),
            (put(True, "format_version"), "format_version: a whole number is expected"),
            (without("lineage"), "lineage: it is missing"),
            (put(-1, "serial"), "serial: it is below zero"),
            (put(1.5, "serial"), "serial: a whole number is expected"),
            (put(None, "organization"), "organization: a text is expected"),
            (put([], "resources"), "resources: an object is expected"),
            (put("x", "comment"), "comment: this format has no such key"),
            (put(1, "resources", CONNECTOR, "created"), f"resources.{CONNECTOR}.created: true or false is"),
            (put("soon", "resources", CONNECTOR, "at"), f"resources.{CONNECTOR}.at: 'soon' is not a time"),
            (put("x", "resources", CONNECTOR, "note"), f"resources.{CONNECTOR}.note: this format has no"),
            (put({}, "resources", "nonsense"), "resources: 'nonsense' is not a resource address"),
            (put({}, "resources", 'send_connector."EX1"'), "is not how send_connector.EX1 is written"),
            (put("  ", "requests", REQUEST, "server"), f"requests.{REQUEST}: '  ' is not a name"),
            (put("aa", "requests", REQUEST, "pending"), f"requests.{REQUEST}: 'aa' is not a thumbprint"),
            (
                put({"kind": "server", "attributes": {}}, "requests", REQUEST, "asked"),
                f"requests.{REQUEST}.asked: a certificate is expected",
            ),
        ],
    )
    def test_is_refused_with_the_place_of_the_damage(
        self, damage: Callable[[dict[str, Any]], None], reason: str
    ) -> None:
        """Somebody has edited it by hand, and must find where."""
        written = json.loads(json.dumps(WRITTEN))
        damage(written)
        with pytest.raises(StateUnreadable) as raised:
            codec.decode_record(json.dumps(written).encode(), PLACE)
        assert raised.value.place == PLACE
        assert reason in raised.value.reason

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"", "not JSON"),
            (b"\xff\xfe{", "not JSON"),
            (b"[" * 100_000, "nests too deeply"),
            (b"9" * 10_000, "not JSON"),
            (b'{"format_version": 1, "format_version": 1}', "a key is given twice"),
            (b'{"format_version": NaN}', "NaN is no number"),
            (b'{"format_version": 1e999}', "1e999 is too large"),
            (b"null", "an object is expected"),
        ],
    )
    def test_need_not_even_be_json(self, data: bytes, reason: str) -> None:
        """A merge conflict, a disk full of zeros, an attack: all end in the same error."""
        with pytest.raises(StateUnreadable) as raised:
            codec.decode_record(data, PLACE)
        assert reason in raised.value.reason

    def test_is_not_read_when_it_is_too_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Memory is bounded before anything is parsed."""
        monkeypatch.setattr(codec, "LARGEST", 100)
        with pytest.raises(StateUnreadable, match="longer than 100 bytes"):
            codec.decode_record(codec.encode_record(RECORD), PLACE)


class TestADamagedLine:
    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            (b"{}", "a list is expected"),
            (b"[{}]", "an intent, an outcome or something learned is expected"),
            (b'[{"intent": {}, "outcome": {}}]', "an intent, an outcome or something learned is expected"),
            (b'[{"outcome": {"intent": "1", "error": ""}}]', "outcome.at: it is missing"),
            (b'[{"outcome": null}]', "outcome: an object is expected"),
            (
                b'[{"learned": {"address": "x", "recorded": null, "request": null}}]',
                "learned.address: 'x' is not",
            ),
            (
                codec.encode_entries(ENTRIES[:1]).replace(b'["' + b"B" * 40 + b'"]', b"[1]"),
                "intent.known: a list of texts is expected",
            ),
        ],
    )
    def test_is_refused_with_the_place_of_the_damage(self, line: bytes, reason: str) -> None:
        """An intent that is lost here might be a certificate that nobody owns."""
        with pytest.raises(StateUnreadable) as raised:
            codec.decode_entries(line, PLACE)
        assert reason in raised.value.reason


MANGLED = st.builds(
    lambda data, at, junk: data[: at % len(data)] + junk + data[at % len(data) + len(junk) :],
    st.sampled_from(
        [codec.encode_record(RECORD), codec.encode_entries(ENTRIES), codec.encode_heading(Heading("3f0c", 7))]
    ),
    st.integers(0, 10_000),
    st.binary(max_size=4) | st.sampled_from([b"null", b"{}", b"[]", b"-1", b'"', b"}", b"true"]),
)


@given(st.binary(max_size=200) | MANGLED)
@example(codec.encode_record(RECORD))
@example(codec.encode_entries(ENTRIES))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Never another error; and what is read is something that can be written again."""
    for read in (read_record, read_entries, read_heading, read_lock):
        try:
            again = read(data)
        except (StateUnreadable, StateTooNew):
            continue
        assert read(again) == again


def read_record(data: bytes) -> bytes:
    return codec.encode_record(codec.decode_record(data, PLACE))


def read_entries(data: bytes) -> bytes:
    return codec.encode_entries(codec.decode_entries(data, PLACE))


def read_heading(data: bytes) -> bytes:
    return codec.encode_heading(codec.decode_heading(data, PLACE))


def read_lock(data: bytes) -> bytes:
    return codec.encode_lock(codec.decode_lock(data, PLACE))
