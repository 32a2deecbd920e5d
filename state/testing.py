"""The contract of :class:`~state.store.StateStore`, as tests that every store must pass.

A store's own tests derive a class from :class:`StoreContract` and override one fixture::

    class TestMyStore(StoreContract):
        @pytest.fixture
        def open_store(self, tmp_path: Path) -> Callable[[], StateStore]:
            return lambda: MyStore(tmp_path, "contoso")

Needs the extra ``testing``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from .address import Address
from .errors import LockLost, StateConflict, StateLocked
from .journal import Entry, Intent, Outcome
from .lock import LockInfo
from .record import Learned, Recorded, Request, StateRecord
from .resources import Certificate, SendConnector
from .store import Fence, StateStore, Stored
from .values import UNKNOWN, AddressSpace, Deferred, Name, Thumbprint

_AT = datetime(2027, 1, 31, 12, tzinfo=UTC)
_PUBLIC = Address.of("certificate", "EX1", "public")
_O365 = Address.of("send_connector", "Mail to O365")
_RECORDED = Recorded(
    SendConnector(
        name=Name("Mail to O365"),
        address_spaces=frozenset({AddressSpace("*"), AddressSpace("contoso.com", 5)}),
        fqdn=None,
        comment=UNKNOWN,
        tls_certificate_name=Deferred(_PUBLIC, "tls_certificate_name"),
    ),
    created=True,
    at=_AT,
)
_REQUEST = Request(
    Name("EX1"), Certificate(subject="CN=mail.contoso.com"), "ab12", "CSR", Thumbprint("A" * 40), _AT
)
_ENTRIES: tuple[Entry, ...] = (
    Intent("1", _O365, "EX1", "Set-SendConnector", {"Fqdn": None, "SmartHosts": ["a", "b"]}, ("x",), _AT),
    Outcome("1", "no such connector", _AT),
    Learned(_O365, _RECORDED),
    Learned(_PUBLIC, None, _REQUEST),
)
_PATIENCE = 30.0
"""Seconds that a thread of a test may take before the test fails."""


def _record(serial: int, lineage: str = "3f0c") -> StateRecord:
    return StateRecord("contoso", lineage, serial)


def _info(id: str) -> LockInfo:
    return LockInfo(id, "apply", f"somebody@somewhere ({id})", _AT)


def _outcome(text: str) -> Outcome:
    return Outcome(text, "", _AT)


class StoreContract:
    """What every store promises."""

    @pytest.fixture
    def open_store(self) -> Callable[[], StateStore]:
        """Override: open the store of organization ``contoso``, empty when a test begins.

        Each call may return another object; all of one test are of one place.
        """
        raise NotImplementedError

    @pytest.fixture
    def store(self, open_store: Callable[[], StateStore]) -> StateStore:
        """One handle of the place under test."""
        return open_store()

    @pytest.fixture
    def fence(self, store: StateStore) -> Iterator[Fence]:
        """The lock of ``store``, held during the test."""
        with store.lock(_info("fence")) as fence:
            yield fence

    # Reading and writing

    def test_holds_nothing_at_first(self, store: StateStore) -> None:
        """A place that was never written is no error."""
        assert store.read() == Stored(None, ())

    def test_gives_back_the_record(self, store: StateStore, fence: Fence) -> None:
        """Every value, UNKNOWN, deferred and null among them."""
        record = StateRecord("contoso", "3f0c", 1, {_O365: _RECORDED}, {_PUBLIC: _REQUEST})
        store.write(record, fence)
        assert store.read() == Stored(record, ())

    def test_gives_back_the_record_to_others(
        self, open_store: Callable[[], StateStore], store: StateStore, fence: Fence
    ) -> None:
        """Reading needs no lock."""
        store.write(_record(1), fence)
        store.append(_ENTRIES, fence)
        assert open_store().read() == Stored(_record(1), _ENTRIES)

    @pytest.mark.parametrize("serial", [0, 2])
    def test_begins_at_serial_1(self, store: StateStore, fence: Fence, serial: int) -> None:
        """Any other first record is the successor of one that is not here."""
        with pytest.raises(StateConflict) as raised:
            store.write(_record(serial), fence)
        assert (raised.value.expected_serial, raised.value.found_serial) == (serial - 1, 0)
        assert store.read() == Stored(None, ())

    @pytest.mark.parametrize("serial", [0, 1, 2, 4])
    def test_takes_only_the_next_serial(self, store: StateStore, fence: Fence, serial: int) -> None:
        """Whoever comes with another has not seen what is stored."""
        store.write(_record(1), fence)
        store.write(_record(2), fence)
        store.append(_ENTRIES, fence)
        with pytest.raises(StateConflict) as raised:
            store.write(_record(serial), fence)
        assert (raised.value.expected_serial, raised.value.found_serial) == (serial - 1, 2)
        assert store.read() == Stored(_record(2), _ENTRIES)

    def test_takes_only_its_own_lineage(self, store: StateStore, fence: Fence) -> None:
        """A record of another birth is no successor, whatever its serial."""
        store.write(_record(1), fence)
        with pytest.raises(StateConflict) as raised:
            store.write(_record(2, lineage="a17e"), fence)
        assert raised.value.found_lineage == "3f0c"
        assert store.read() == Stored(_record(1), ())

    # The journal

    def test_keeps_entries_in_order(self, store: StateStore, fence: Fence) -> None:
        """An outcome follows its intent."""
        store.write(_record(1), fence)
        for entry in _ENTRIES:
            store.append([entry], fence)
        store.append(_ENTRIES, fence)
        assert store.read().journal == (*_ENTRIES, *_ENTRIES)

    def test_keeps_entries_before_the_first_record(self, store: StateStore, fence: Fence) -> None:
        """The first apply of all writes its intents before there is a record."""
        store.append(_ENTRIES, fence)
        assert store.read() == Stored(None, _ENTRIES)

    def test_drops_the_entries_that_led_to_a_record(self, store: StateStore, fence: Fence) -> None:
        """They are in it now; read again, they would be learned twice."""
        store.append(_ENTRIES, fence)
        store.write(_record(1), fence)
        assert store.read() == Stored(_record(1), ())
        store.append(_ENTRIES[:2], fence)
        store.write(_record(2), fence)
        assert store.read() == Stored(_record(2), ())

    def test_goes_on_with_a_new_journal_after_a_record(self, store: StateStore, fence: Fence) -> None:
        """What was dropped does not come back with the next entry."""
        store.append(_ENTRIES[:2], fence)
        store.write(_record(1), fence)
        store.append(_ENTRIES[2:], fence)
        assert store.read() == Stored(_record(1), _ENTRIES[2:])

    def test_goes_on_with_the_journal_of_an_earlier_lock(self, open_store: Callable[[], StateStore]) -> None:
        """An apply that was interrupted leaves entries; the next one adds to them."""
        for at, entry in enumerate(_ENTRIES):
            store = open_store()
            with store.lock(_info(str(at))) as fence:
                store.append([entry], fence)
        assert open_store().read() == Stored(None, _ENTRIES)

    # The lock

    def test_is_locked_by_one_at_a_time(self, open_store: Callable[[], StateStore], fence: Fence) -> None:
        """The second is told who is in the way, and does not wait."""
        with pytest.raises(StateLocked) as raised, open_store().lock(_info("second")):
            pass
        assert raised.value.holder == _info(fence.id)

    def test_stays_locked_when_another_was_refused(
        self, open_store: Callable[[], StateStore], store: StateStore, fence: Fence
    ) -> None:
        """A refusal changes nothing for the holder."""
        with pytest.raises(StateLocked), open_store().lock(_info("second")):
            pass
        store.write(_record(1), fence)
        with pytest.raises(StateLocked), open_store().lock(_info("third")):
            pass

    def test_can_be_locked_again(self, open_store: Callable[[], StateStore]) -> None:
        """By anybody, once it was let go of, whatever happened under the lock."""
        with pytest.raises(KeyError), open_store().lock(_info("first")):
            raise KeyError
        store = open_store()
        with store.lock(_info("second")) as fence:
            store.write(_record(1), fence)
        with open_store().lock(_info("third")):
            assert open_store().read() == Stored(_record(1), ())

    def test_refuses_writes_when_the_lock_was_let_go_of(self, store: StateStore) -> None:
        """Somebody else may be writing."""
        with store.lock(_info("first")) as fence:
            store.write(_record(1), fence)
        with pytest.raises(LockLost):
            store.write(_record(2), fence)
        with pytest.raises(LockLost):
            store.append(_ENTRIES, fence)
        assert store.read() == Stored(_record(1), ())

    def test_refuses_writes_under_the_fence_of_an_earlier_lock(self, store: StateStore) -> None:
        """That the store is locked is not enough: it must be the same lock."""
        with store.lock(_info("first")) as stale:
            pass
        with store.lock(_info("second")) as fence:
            with pytest.raises(LockLost):
                store.write(_record(1), stale)
            with pytest.raises(LockLost):
                store.append(_ENTRIES, stale)
            store.append(_ENTRIES[:1], fence)
        assert store.read() == Stored(None, _ENTRIES[:1])

    # Threads

    def test_takes_entries_from_several_threads(self, store: StateStore, fence: Fence) -> None:
        """Independent servers are changed at the same time; none of their entries is lost or mixed."""

        def add(server: int) -> None:
            for at in range(10):
                store.append([_outcome(f"{server} {at} begins"), _outcome(f"{server} {at} ends")], fence)

        threads = [threading.Thread(target=add, args=(server,)) for server in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(_PATIENCE)

        found = [entry.intent for entry in store.read().journal if isinstance(entry, Outcome)]
        pairs = list(zip(found[::2], found[1::2], strict=True))
        assert all(begins.removesuffix("begins") == ends.removesuffix("ends") for begins, ends in pairs)
        for server in range(4):
            own = [begins for begins, _ in pairs if begins.startswith(f"{server} ")]
            assert own == [f"{server} {at} begins" for at in range(10)]

    def test_is_read_as_of_one_instant(
        self, open_store: Callable[[], StateStore], store: StateStore, fence: Fence
    ) -> None:
        """However a reader and a writer meet, a record is never seen with the journal of another."""
        seen: list[Stored] = []
        done = threading.Event()

        def look() -> None:
            reader = open_store()
            while not done.is_set():
                seen.append(reader.read())

        thread = threading.Thread(target=look)
        thread.start()
        try:
            for serial in range(1, 60):
                store.write(_record(serial), fence)
                store.append([_outcome(str(serial))], fence)
        finally:
            done.set()
            thread.join(_PATIENCE)

        assert seen
        for stored in seen:
            serial = stored.record.serial if stored.record else 0
            assert stored.journal in ((), (_outcome(str(serial)),))
