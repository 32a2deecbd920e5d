"""Labs as processes: started, asked, stopped, and clear about what keeps them from it."""

from __future__ import annotations

import json
import os
import signal
import smtplib
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from filelock import FileLock

from reconciler.lab import control, process
from reconciler.lab.call import Role


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A place for a lab that is stopped afterwards, whatever the test did."""
    yield tmp_path / "lab"
    try:
        control.down(tmp_path / "lab")
    except control.NotALab:
        return


def door(server: dict[str, Any], directory: Path) -> int:
    """The status code of a request without credentials; 401 when the server is at home."""
    return requests.post(server["url"], data=b"", verify=str(directory / "ca.pem"), timeout=5).status_code


class TestALabInTheBackground:
    def test_lives_from_up_to_down_and_is_resumed_where_it_was(self, directory: Path) -> None:
        """One process a phase: starting one costs a second, so this test tells the whole story."""
        status = control.up(directory, servers=1, edges=1)
        assert status["running"]
        assert [(server["name"], server["role"]) for server in status["servers"]] == [
            ("MBX1", "mailbox"),
            ("EDGE1", "edge"),
        ]
        for server in status["servers"]:
            assert door(server, directory) == 401
            host, _, port = server["smtp"].rpartition(":")
            with smtplib.SMTP(host, int(port), timeout=5) as smtp:
                assert smtp.ehlo()[0] == 250
        assert control.status(directory)["requests"] == {"MBX1": 1, "EDGE1": 1}
        json.dumps(control.status(directory))

        with pytest.raises(control.AlreadyRunning):
            control.up(directory)

        control.down(directory)
        stopped = control.status(directory)
        assert not stopped["running"]
        with pytest.raises(requests.exceptions.ConnectionError):
            door(stopped["servers"][0], directory)
        control.down(directory)

        resumed = control.up(directory, servers=9)
        assert resumed["servers"] == status["servers"]
        assert resumed["requests"] == {"MBX1": 1, "EDGE1": 1}

    def test_ends_by_itself(self, directory: Path) -> None:
        status = control.up(directory, servers=1, edges=0, lifetime=timedelta(seconds=0.2))
        assert process.wait_until_gone(directory, status["pid"], 10)
        assert not control.status(directory)["running"]

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
    def test_that_was_killed_is_not_running_and_can_be_resumed(self, directory: Path) -> None:
        first = control.up(directory, servers=1, edges=0)
        os.kill(first["pid"], signal.SIGKILL)
        process.reap(first["pid"])
        assert not control.status(directory)["running"]
        assert control.up(directory)["running"]


class TestTheConnectionsFile:
    def test_keeps_what_somebody_wrote_into_it(self, tmp_path: Path) -> None:
        """Without their issuers, the lab's own CA would sign in a person's place, in silence."""
        with control.open_threaded(tmp_path, servers=1, edges=0) as lab:
            path, status = lab.connections(), lab.status()
        written = json.loads(path.read_text(encoding="utf-8"))
        desk = {"type": "manual", "folder": "Bestellungen für heute"}
        written["issuers"] = {"desk": desk}
        written["published"] = {"mail.contoso.com": "127.0.0.1:25"}
        written["servers"]["MBX1"] |= {"url": "https://elsewhere/", "service": "HTTP/x"}
        written["servers"]["OTHER"] = {"url": "https://other/"}
        path.write_text(json.dumps(written), encoding="utf-8")
        with control.open_threaded(tmp_path, servers=1, edges=0) as lab:
            again, remarks, url = (
                json.loads(path.read_text(encoding="utf-8")),
                lab.status()["remarks"],
                lab.url("MBX1"),
            )
        assert again["issuers"] == {"desk": desk}
        assert again["published"] == written["published"]
        assert again["servers"]["OTHER"] == written["servers"]["OTHER"]
        assert (again["servers"]["MBX1"]["url"], again["servers"]["MBX1"]["service"]) == (url, "HTTP/x")
        assert remarks == status["remarks"]

    def test_that_is_no_longer_json_is_left_and_told(self, tmp_path: Path) -> None:
        with control.open_threaded(tmp_path, servers=1, edges=0) as lab:
            path = lab.connections()
        path.write_text("# mine\nservers: {}\n")
        with control.open_threaded(tmp_path, servers=1, edges=0) as lab:
            assert [one for one in lab.status()["remarks"] if one.startswith("connections.yaml ")]
        assert path.read_text() == "# mine\nservers: {}\n"


class TestStarting:
    def test_without_its_rules_fails_and_leaves_nothing(self, directory: Path) -> None:
        with pytest.raises(control.FileUnreadable):
            control.up(directory, faults=directory / "missing.json")
        assert not directory.exists()

    def test_without_its_exports_fails_and_leaves_nothing(self, directory: Path) -> None:
        with pytest.raises(control.FileUnreadable):
            control.up(directory, from_clixml=directory / "missing")
        assert not directory.exists()

    def test_from_exports_that_hold_nothing_fails_and_leaves_nothing(
        self, directory: Path, tmp_path: Path
    ) -> None:
        exports = tmp_path / "exports"
        exports.mkdir()
        with pytest.raises(control.FileUnreadable) as caught:
            control.up(directory, from_clixml=exports)
        assert caught.value.path == exports
        assert not directory.exists()

    def test_of_a_build_that_never_was_fails_and_leaves_nothing(self, directory: Path) -> None:
        with pytest.raises(control.StartFailed) as caught:
            control.up(directory, exchange="1999")
        assert "1999" in caught.value.reason
        assert not directory.exists()

    def test_where_a_file_stands_fails(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_text("")
        with pytest.raises(control.FileUnreadable):
            control.up(path)
        assert path.read_text() == ""

    def test_loses_against_another_start_and_leaves_it_alone(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Two of them found one new folder."""
        start = process.start_background
        with ExitStack() as winner:

            def late(*arguments: Any) -> tuple[int, bytes]:
                winner.enter_context(process.hold_directory(directory))
                (directory / "organization").write_text("of the winner")
                return start(*arguments)

            monkeypatch.setattr(process, "start_background", late)
            with pytest.raises(control.AlreadyRunning):
                control.up(directory)
            assert (directory / "organization").read_text() == "of the winner"
            assert process.owner_of(directory) == os.getpid()

    def test_is_not_kept_from_it_by_those_who_look(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever looks has the lock for a moment: a start then waits, and does not take him for a lab."""
        looks, goes_on = threading.Event(), threading.Event()

        class Slow(FileLock):
            def release(self, force: bool = False) -> None:
                if self.lock_file.endswith("lab.lock") and not goes_on.is_set():
                    looks.set()
                    goes_on.wait(10)
                super().release(force)

        def start() -> int | None:
            with process.hold_directory(tmp_path):
                return process.owner_of(tmp_path)

        (tmp_path / "lab.lock").touch()
        monkeypatch.setattr(process, "FileLock", Slow)
        with ThreadPoolExecutor(2) as pool:
            looking = pool.submit(process.owner_of, tmp_path)
            assert looks.wait(10)
            starting = pool.submit(start)
            try:
                with pytest.raises(TimeoutError):
                    starting.result(timeout=0.1)
            finally:
                goes_on.set()
            assert starting.result() == os.getpid()
            assert looking.result() is None


HOLD = """
import sys
from pathlib import Path
from reconciler.lab.process import hold_directory
with hold_directory(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


class TestStopping:
    def test_ends_whoever_owns_the_directory_and_nobody_else(self, tmp_path: Path) -> None:
        """A lab that was killed left its process id, another process has it now, and the next lab starts."""
        waiting = [sys.executable, "-c", "import sys; sys.stdin.read()"]
        holding = [sys.executable, "-c", HOLD, str(tmp_path)]
        with (
            subprocess.Popen(waiting, stdin=subprocess.PIPE) as stranger,
            subprocess.Popen(holding, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner,
        ):
            assert owner.stdout is not None
            assert owner.stdout.readline().strip() == b"held"
            description = {"pid": stranger.pid, "servers": [], "ports": {}}
            (tmp_path / "lab.json").write_text(json.dumps(description))
            control.down(tmp_path)
            assert owner.wait(10) != 0
            assert stranger.poll() is None
            assert control.status(tmp_path)["pid"] is None


class TestAskingAfter:
    @pytest.mark.parametrize("ask", [control.status, control.down])
    def test_what_is_no_lab_says_so(self, tmp_path: Path, ask: Any) -> None:
        with pytest.raises(control.NotALab):
            ask(tmp_path)


class TestALabInAThread:
    def test_has_the_same_organization(self, tmp_path: Path) -> None:
        with control.open_threaded(tmp_path / "lab", servers=1, edges=1) as lab:
            assert [server["name"] for server in lab.status()["servers"]] == ["MBX1", "EDGE1"]
            assert lab.account(Role.READER).name == "viewer"

    def test_moves_when_its_port_is_taken(self) -> None:
        with process.loopback_socket() as taken:
            port = taken.getsockname()[1]
            with process.loopback_socket(port) as other:
                assert other.getsockname()[1] != port
