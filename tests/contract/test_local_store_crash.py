"""The local store after a crash between any two things it asks of the disk: the old or the new content."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import pytest

from state.errors import StateUnwritable
from state.journal import Outcome
from state.lock import LockInfo
from state.record import StateRecord
from state.store import Fence, Stored
from state.stores import LocalStore, files

AT = datetime(2027, 1, 31, tzinfo=UTC)


class Crash(BaseException):
    """The process dies here; no handler of the store's may stop it."""


@dataclass
class Disk:
    """Stands where ``os`` stands in the store's one module that writes; fails at one of its calls.

    Attributes:
        fails_at: Which call fails, counted from 1; that call does nothing, or half of its write.
        error: Raised there once. Without one the process dies: every later call raises Crash.
        loses_data: At a crash, content that was not synced is gone.
        loses_names: At a crash, renames and new folders whose folder was not synced never happened.
    """

    fails_at: int
    error: OSError | None = None
    loses_data: bool = False
    loses_names: bool = False
    calls: int = 0
    is_dead: bool = False
    paths: dict[int, Path] = field(default_factory=dict)
    unsynced: dict[Path, bytes] = field(default_factory=dict)
    renamed: list[tuple[Path, bytes | None]] = field(default_factory=list)
    made: list[Path] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)  # what changes nothing on the disk

    def mkdir(self, path: Path, mode: int) -> None:
        self._call()
        os.mkdir(path, mode)
        self.made.append(path)

    def open(self, path: Path, flags: int, mode: int = 0o777) -> int:
        self._call()
        before = path.read_bytes() if path.is_file() else b""
        descriptor = os.open(path, flags, mode)
        self.paths[descriptor] = path
        if flags & os.O_TRUNC:
            self.unsynced.setdefault(path, before)
        return descriptor

    def write(self, descriptor: int, data: memoryview) -> int:
        path = self.paths[descriptor]
        self.unsynced.setdefault(path, path.read_bytes())
        try:
            self._call()
        except (Crash, OSError):
            os.write(descriptor, data[: len(data) // 2])
            raise
        return os.write(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        self._call()
        path = self.paths[descriptor]
        self.unsynced.pop(path, None)
        self.renamed = [(name, content) for name, content in self.renamed if name.parent != path]
        self.made = [name for name in self.made if name.parent != path]

    def replace(self, source: Path, target: Path) -> None:
        self._call()
        self.renamed.append((target, target.read_bytes() if target.is_file() else None))
        os.replace(source, target)
        self.unsynced.pop(target, None)
        if source in self.unsynced:
            self.unsynced[target] = self.unsynced.pop(source)

    def unlink(self, path: Path) -> None:
        self._call()
        os.unlink(path)

    def _call(self) -> None:
        if self.is_dead:
            raise Crash
        self.calls += 1
        if self.calls == self.fails_at:
            if self.error is not None:
                raise self.error
            self.die()

    def die(self) -> NoReturn:
        self.is_dead = True
        raise Crash

    @property
    def failed(self) -> bool:
        """Whether there were that many calls."""
        return self.calls >= self.fails_at

    def lose(self) -> None:
        """What a power loss takes."""
        if self.loses_data:
            for path, content in self.unsynced.items():
                path.write_bytes(content)
        if self.loses_names:
            for path, before in reversed(self.renamed):
                if before is None:
                    path.unlink()
                else:
                    path.write_bytes(before)
            for path in self.made:
                shutil.rmtree(path, ignore_errors=True)  # one may lie in another


def record(serial: int) -> StateRecord:
    return StateRecord("contoso", "3f0c", serial)


def outcome(text: str) -> Outcome:
    return Outcome(text, "", AT)


def locked(root: Path, work: Callable[[LocalStore, Fence], None]) -> None:
    store = LocalStore(root, "contoso")
    with store.lock(LockInfo("id", "apply", "somebody", AT)) as fence:
        work(store, fence)


def empty(root: Path) -> None:
    """Nothing was ever kept here."""


def with_entries_only(root: Path) -> None:
    locked(root, lambda store, fence: store.append([outcome("a"), outcome("b")], fence))


def with_a_record(root: Path) -> None:
    with_entries_only(root)
    locked(root, lambda store, fence: store.write(record(1), fence))


def with_a_record_and_entries(root: Path) -> None:
    with_a_record(root)
    locked(root, lambda store, fence: store.write(record(2), fence))
    locked(root, lambda store, fence: store.append([outcome("a"), outcome("b")], fence))


def with_a_torn_line(root: Path) -> None:
    with_a_record_and_entries(root)
    with (root / "contoso" / "journal.jsonl").open("ab") as journal:
        journal.write(b'[{"outcome": {"intent": "torn"')


def with_the_record_put_back(root: Path) -> None:
    with_a_record_and_entries(root)
    shutil.copy(root / "contoso" / "record.json.backup", root / "contoso" / "record.json")


STARTS: Mapping[str, Callable[[Path], None]] = {
    start.__name__: start
    for start in (
        empty,
        with_entries_only,
        with_a_record,
        with_a_record_and_entries,
        with_a_torn_line,
        with_the_record_put_back,
    )
}


def append(store: LocalStore, fence: Fence, before: Stored) -> None:
    store.append([outcome("new"), outcome("newer")], fence)


def write(store: LocalStore, fence: Fence, before: Stored) -> None:
    store.write(record(before.record.serial + 1 if before.record else 1), fence)


Work: TypeAlias = Callable[[LocalStore, Fence, Stored], None]


def after(work: Work, before: Stored) -> Stored:
    if work is append:
        return Stored(before.record, (*before.journal, outcome("new"), outcome("newer")))
    return Stored(record(before.record.serial + 1 if before.record else 1), ())


def check_that_it_goes_on(root: Path, found: Stored) -> None:
    """Whatever happened, the next run can lock, append and write, and loses nothing."""

    def work(store: LocalStore, fence: Fence) -> None:
        store.append([outcome("goes on")], fence)
        assert store.read() == Stored(found.record, (*found.journal, outcome("goes on")))
        write(store, fence, found)
        assert store.read() == after(write, found)

    locked(root, work)


def run_until_the_crash(root: Path, disk: Disk, work: Work, before: Stored) -> bool:
    """Whether the work was done when the process died; it always dies before it can unlock."""
    returned = False

    def until_the_crash(store: LocalStore, fence: Fence) -> None:
        nonlocal returned
        work(store, fence, before)
        returned = True
        disk.die()

    with pytest.raises(Crash):
        locked(root, until_the_crash)
    return returned


def run_and_run_again(root: Path, work: Work, before: Stored) -> bool:
    """Do the work, a second time under the same lock if the disk refused it; whether it did."""
    refused = False

    def twice(store: LocalStore, fence: Fence) -> None:
        nonlocal refused
        try:
            work(store, fence, before)
        except StateUnwritable:
            refused = True
        if store.read() == before:
            work(store, fence, before)
        assert store.read() == after(work, before)

    locked(root, twice)
    return refused


@pytest.fixture(autouse=True)
def nothing_is_really_synced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that never fails, for what goes before and after: to wait for a real one proves nothing."""
    monkeypatch.setattr(files, "os", Disk(fails_at=0))


@pytest.fixture(params=STARTS)
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A place in one of the states that a crash may meet it in."""
    root = tmp_path / "start"
    root.mkdir()
    STARTS[request.param](root / ".reconciler")
    return root


@pytest.mark.parametrize("work", [append, write], ids=lambda work: work.__name__)
class TestTheLocalStore:
    @pytest.mark.parametrize(
        ("loses_data", "loses_names"),
        [
            pytest.param(False, False, id="killed"),
            pytest.param(True, False, id="power lost, content gone"),
            pytest.param(False, True, id="power lost, names gone"),
        ],
    )
    def test_holds_the_old_or_the_new_after_a_crash(
        self,
        start: Path,
        work: Work,
        loses_data: bool,
        loses_names: bool,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> None:
        """At every call to the disk; and the new for certain once the call to the store returned."""
        before = LocalStore(start / ".reconciler", "contoso").read()
        expected = after(work, before)
        outcomes = set()
        for fails_at in range(1, 100):
            root = shutil.copytree(start, tmp_path / str(fails_at)) / ".reconciler"
            disk = Disk(fails_at, loses_data=loses_data, loses_names=loses_names)
            with monkeypatch.context() as patch:
                patch.setattr(files, "os", disk)
                returned = run_until_the_crash(root, disk, work, before)
            disk.lose()

            found = LocalStore(root, "contoso").read()
            assert found in ((expected,) if returned else (before, expected)), f"call {fails_at}"
            check_that_it_goes_on(root, found)
            outcomes.add(found == expected)
            if not disk.failed:
                break
        assert not disk.failed
        assert outcomes == {True, False}

    def test_holds_the_old_or_the_new_when_the_disk_refuses(
        self,
        start: Path,
        work: Work,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> None:
        """The error is told, and the same call can be made again under the same lock."""
        before = LocalStore(start / ".reconciler", "contoso").read()
        refused = False
        for fails_at in range(1, 100):
            root = shutil.copytree(start, tmp_path / str(fails_at)) / ".reconciler"
            disk = Disk(fails_at, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
            with monkeypatch.context() as patch:
                patch.setattr(files, "os", disk)
                try:
                    refused |= run_and_run_again(root, work, before)
                    expected = after(work, before)
                except StateUnwritable:
                    expected = before  # it could not even be locked
            found = LocalStore(root, "contoso").read()
            assert found == expected, f"call {fails_at}"
            check_that_it_goes_on(root, found)
            if not disk.failed:
                break
        assert not disk.failed
        assert refused


def test_half_a_line_does_not_spoil_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that was full for a moment leaves one; the apply goes on under the same lock."""
    disk = Disk(fails_at=0, error=OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    monkeypatch.setattr(files, "os", disk)

    def work(store: LocalStore, fence: Fence) -> None:
        store.append([outcome("a")], fence)
        disk.fails_at = disk.calls + 2  # the file is opened, then written
        with pytest.raises(StateUnwritable, match=r"journal\.jsonl cannot be written: No space left"):
            store.append([outcome("b")], fence)
        assert store.read().journal == (outcome("a"),)
        store.append([outcome("c")], fence)
        assert store.read().journal == (outcome("a"), outcome("c"))

    locked(tmp_path / ".reconciler", work)


CHILD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from state.journal import Outcome
from state.lock import LockInfo
from state.stores import LocalStore

at = datetime(2027, 1, 31, tzinfo=UTC)
store = LocalStore(Path(sys.argv[1]), "contoso")
with store.lock(LockInfo("child", "apply", "child", at)) as fence:
    number = 0
    while True:
        store.append([Outcome(str(number), "", at)], fence)
        print(number, flush=True)
        number += 1
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_a_killed_process_leaves_no_lock_and_every_entry_that_it_saw_stored(tmp_path: Path) -> None:
    """``kill -9`` in the middle of an apply; the next one needs nobody's help."""
    root = tmp_path / ".reconciler"
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(root)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        for _ in range(20):
            told = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        told = int((child.stdout.read().splitlines() or [str(told)])[-1])

    store = LocalStore(root, "contoso")
    stored = [entry.intent for entry in store.read().journal if isinstance(entry, Outcome)]
    assert stored[: told + 1] == [str(number) for number in range(told + 1)]
    assert len(stored) <= told + 2
    check_that_it_goes_on(root, store.read())
