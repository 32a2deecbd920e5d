"""The folder of the local store: its names and modes, and what is said of damage."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from state import codec
from state.address import Address
from state.codec import Heading
from state.errors import LockLost, StateLocked, StateTooNew, StateUnreadable, StateUnwritable
from state.journal import Outcome
from state.lock import LockInfo
from state.record import Recorded, StateRecord
from state.resources import SendConnector
from state.store import Stored
from state.stores import LocalStore
from state.stores.local import folder_name

AT = datetime(2027, 1, 31, tzinfo=UTC)
INFO = LockInfo("id", "apply", "somebody", AT)


def outcome(text: str) -> Outcome:
    return Outcome(text, "", AT)


def record(serial: int, organization: str = "contoso", lineage: str = "3f0c") -> StateRecord:
    return StateRecord(organization, lineage, serial)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / ".reconciler"


@pytest.fixture
def store(root: Path) -> LocalStore:
    return LocalStore(root, "contoso")


@pytest.fixture
def folder(root: Path, store: LocalStore) -> Path:
    """A folder in which every file is: a record at serial 2, its backup, and a journal of one entry."""
    with store.lock(INFO) as fence:
        store.write(record(1), fence)
        store.write(record(2), fence)
        store.append([outcome("a")], fence)
    return root / "contoso"


class TestTheFolder:
    def test_holds_these_files(self, store: LocalStore, folder: Path) -> None:
        """docs and support refer to them by name."""
        with store.lock(INFO):
            assert sorted(path.name for path in folder.iterdir()) == [
                "journal.jsonl",
                "lock",
                "lock.json",
                "record.json",
                "record.json.backup",
            ]
        assert not (folder / "lock.json").exists()

    def test_is_for_its_owner_alone(self, root: Path, store: LocalStore, folder: Path) -> None:
        """It tells which partners are trusted, and with which certificates."""
        with store.lock(INFO):
            modes = {
                path.name: stat.S_IMODE(path.stat().st_mode) for path in (root, folder, *folder.iterdir())
            }
        assert {modes.pop(".reconciler"), modes.pop("contoso")} == {0o700}
        assert set(modes.values()) == {0o600}

    def test_is_not_made_by_reading(self, root: Path, store: LocalStore) -> None:
        """``plan`` writes nothing."""
        store.read()
        assert not root.exists()

    def test_keeps_the_record_before_this_one(self, folder: Path) -> None:
        """Byte for byte."""
        assert (folder / "record.json.backup").read_bytes() == codec.encode_record(record(1))

    def test_of_one_organization_is_not_that_of_another(self, root: Path) -> None:
        """Two desired states may lie side by side."""
        for name in ("contoso", "fabrikam"):
            store = LocalStore(root, name)
            with store.lock(INFO) as fence:
                store.write(record(1, name), fence)
        assert LocalStore(root, "contoso").read().record == record(1, "contoso")


class TestAFolderName:
    @pytest.mark.parametrize(
        ("organization", "name"),
        [
            ("contoso", "contoso"),
            ("Contoso-Ltd_2.example", "Contoso-Ltd_2.example"),
            ("Contoso Ltd", "Contoso%20Ltd"),
            ("..", "%2E%2E"),
            ("../../etc", "%2E.%2F..%2Fetc"),
            ("a\\b", "a%5Cb"),
            ("c:", "c%3A"),
            ("", "%"),
            ("con", "%63on"),
            ("COM1.txt", "%43OM1.txt"),
            ("console", "console"),
            ("m\u00fcller", "m%C3%BCller"),
            ("\x00", "%00"),
        ],
    )
    def test_is_itself_where_it_can_be(self, organization: str, name: str) -> None:
        """And otherwise one name that every file system takes."""
        assert folder_name(organization) == name

    @given(st.text(st.characters(), max_size=200))
    @example("x" * 200)
    @example("." * 200)
    def test_stays_in_its_place(self, organization: str) -> None:
        """No organization reaches another folder, whatever its name."""
        name = folder_name(organization)
        assert Path("root", name).parent == Path("root")
        assert name not in ("", ".", "..")
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-%")
        assert len(name) <= 120

    @given(*[st.text("ab./%\u00e9", max_size=4) | st.text("x", min_size=110, max_size=130)] * 2)
    def test_is_never_that_of_another(self, one: str, other: str) -> None:
        """Or one record would be taken for the other's."""
        assert (folder_name(one) == folder_name(other)) == (one == other)


class TestTheLock:
    def test_is_somebody_elses_once_its_file_was_removed(self, root: Path, store: LocalStore) -> None:
        """Removing it by hand lets a second one in; the first must stop writing, under any fence."""
        with store.lock(LockInfo("first", "apply", "a", AT)) as first:
            (root / "contoso" / "lock").unlink()
            other = LocalStore(root, "contoso")
            with other.lock(LockInfo("second", "apply", "b", AT)) as second:
                for fence in (first, second):
                    with pytest.raises(LockLost):
                        store.append([outcome("a")], fence)
                other.append([outcome("b")], second)
        assert store.read().journal == (outcome("b"),)

    def test_leaves_the_description_of_its_successor(self, root: Path, store: LocalStore) -> None:
        """Whoever lost the lock must not take the other's name off it."""
        with store.lock(LockInfo("first", "apply", "a", AT)):
            (root / "contoso" / "lock").unlink()
            other = LocalStore(root, "contoso").lock(LockInfo("second", "apply", "b", AT))
            fence = other.__enter__()
        with pytest.raises(StateLocked) as raised, store.lock(INFO):
            pass
        other.__exit__(None, None, None)
        assert raised.value.holder is not None
        assert raised.value.holder.id == fence.id

    @pytest.mark.parametrize("description", [b"", b"{}", b"\xff"])
    def test_is_taken_even_when_nobody_can_tell_by_whom(
        self, root: Path, store: LocalStore, description: bytes
    ) -> None:
        """The lock decides; its description is for people."""
        with store.lock(INFO):
            (root / "contoso" / "lock.json").write_bytes(description)
            with pytest.raises(StateLocked) as raised, LocalStore(root, "contoso").lock(INFO):
                pass
        assert raised.value.holder is None

    def test_is_free_when_only_its_description_is_left(self, store: LocalStore, folder: Path) -> None:
        """As a killed process leaves it."""
        (folder / "lock.json").write_bytes(codec.encode_lock(INFO))
        with store.lock(LockInfo("next", "apply", "b", AT)) as fence:
            store.append([outcome("b")], fence)


class TestATornLine:
    @pytest.mark.parametrize("torn", [b"[", b'[{"outcome"', b"\x00" * 100, b"[]"])
    def test_is_dropped(self, store: LocalStore, folder: Path, torn: bytes) -> None:
        """Its append never returned, so nobody relied on it."""
        with (folder / "journal.jsonl").open("ab") as journal:
            journal.write(torn)
        assert store.read() == Stored(record(2), (outcome("a"),))
        with store.lock(INFO) as fence:
            store.append([outcome("b")], fence)
        assert store.read() == Stored(record(2), (outcome("a"), outcome("b")))


def overwrite(name: str, data: bytes) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).write_bytes(data)

    return damage


def remove(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).unlink()

    return damage


def become_a_folder(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return damage


def journal(heading: Heading, *lines: bytes) -> bytes:
    return codec.encode_heading(heading) + b"".join(lines)


class TestDamage:
    @pytest.mark.parametrize(
        ("damage", "name", "reason"),
        [
            (overwrite("record.json", b""), "record.json", "not JSON"),
            (overwrite("record.json", b"<<<<<<< HEAD\n"), "record.json", "not JSON"),
            (
                overwrite("record.json", codec.encode_record(record(2, organization="fabrikam"))),
                "record.json",
                "it is of 'fabrikam'",
            ),
            (remove("record.json"), "record.json", "it is missing, and there was one before"),
            (become_a_folder("record.json"), "record.json", "Is a directory"),
            (overwrite("journal.jsonl", b""), "journal.jsonl", "not JSON"),
            (overwrite("journal.jsonl", b"[]\n"), "journal.jsonl", "an object is expected"),
            (
                overwrite("journal.jsonl", journal(Heading("3f0c", 2), b"\x00\n", b"[]\n")),
                "journal.jsonl",
                "not JSON",
            ),
            (
                overwrite("journal.jsonl", journal(Heading("a17e", 2))),
                "journal.jsonl",
                "it is of another record, 'a17e'",
            ),
            (become_a_folder("journal.jsonl"), "journal.jsonl", "Is a directory"),
        ],
    )
    def test_is_told_with_the_file_and_the_backup(
        self, store: LocalStore, folder: Path, damage: Callable[[Path], None], name: str, reason: str
    ) -> None:
        """And nothing is written over what might be mended."""
        damage(folder)
        with pytest.raises(StateUnreadable) as raised:
            store.read()
        assert raised.value.place == str(folder / name)
        assert reason in raised.value.reason
        assert raised.value.backup == str(folder / "record.json.backup")
        with store.lock(INFO) as fence, pytest.raises(StateUnreadable):
            store.write(record(3), fence)

    @pytest.mark.parametrize("other", ["record.json.backup", "journal.jsonl"])
    def test_is_told_when_one_other_file_knows_of_a_record(
        self, store: LocalStore, folder: Path, other: str
    ) -> None:
        """Without a record everything would look like somebody else's."""
        (folder / "record.json").unlink()
        (folder / other).unlink()
        with pytest.raises(StateUnreadable, match="it is missing"):
            store.read()

    def test_of_entries_that_a_record_has_learned_is_no_damage(self, store: LocalStore, folder: Path) -> None:
        """They are not needed any more."""
        (folder / "journal.jsonl").write_bytes(journal(Heading("3f0c", 1), b"\x00\n"))
        assert store.read() == Stored(record(2), ())

    def test_is_mended_by_putting_the_backup_back(self, store: LocalStore, folder: Path) -> None:
        """What the journal tells is still true, until the next record has it."""
        shutil.copy(folder / "record.json.backup", folder / "record.json")
        assert store.read() == Stored(record(1), (outcome("a"),))
        with store.lock(INFO) as fence:
            store.write(record(2), fence)
            assert store.read() == Stored(record(2), ())

    def test_too_large_to_be_ours_is_not_read(
        self, store: LocalStore, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Memory is bounded."""
        monkeypatch.setattr(codec, "LARGEST", 50)
        with pytest.raises(StateUnreadable, match=r"record\.json cannot be read: it is longer than 50 bytes"):
            store.read()


class TestALaterFormat:
    @pytest.mark.parametrize("name", ["record.json", "journal.jsonl"])
    def test_is_neither_read_nor_written_over(self, store: LocalStore, folder: Path, name: str) -> None:
        """A newer program will go on with it."""
        later = b'{"format_version": 3}\n'
        (folder / name).write_bytes(later)
        with pytest.raises(StateTooNew):
            store.read()
        with store.lock(INFO) as fence:
            with pytest.raises(StateTooNew):
                store.write(record(3), fence)
            with pytest.raises(StateTooNew):
                store.append([outcome("b")], fence)
        assert (folder / name).read_bytes() == later


class TestAPlaceThatCannotBeWritten:
    def test_is_told_when_its_parent_is_missing(self, tmp_path: Path) -> None:
        """A mistyped ``--state`` makes no tree of folders."""
        store = LocalStore(tmp_path / "no" / "such", "contoso")
        assert store.read() == Stored(None, ())
        with pytest.raises(StateUnwritable, match="No such file or directory"), store.lock(INFO):
            pass

    def test_is_told_when_it_is_a_file(self, root: Path, store: LocalStore) -> None:
        """Neither is it an empty record."""
        root.write_text("")
        with pytest.raises(StateUnwritable), store.lock(INFO):
            pass
        with pytest.raises(StateUnreadable, match="Not a directory"):
            store.read()

    def test_is_told_before_more_is_stored_than_can_be_read(
        self, store: LocalStore, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Refused now, it costs one step; refused at the next read, the whole record."""
        before = store.read()
        connector = Recorded(SendConnector(comment="x" * 1000), True, AT)
        too_long = StateRecord("contoso", "3f0c", 3, {Address.of("send_connector", "a"): connector})
        monkeypatch.setattr(codec, "LARGEST", 1000)
        with store.lock(INFO) as fence:
            with pytest.raises(StateUnwritable, match=r"record\.json .* longer than 1000 bytes"):
                store.write(too_long, fence)
            store.append([outcome("x" * 500)], fence)
            with pytest.raises(StateUnwritable, match=r"journal\.jsonl .* longer than 1000 bytes"):
                store.append([outcome("x" * 500)], fence)
        assert store.read() == Stored(before.record, (*before.journal, outcome("x" * 500)))
