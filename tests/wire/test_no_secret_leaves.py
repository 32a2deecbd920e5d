"""Every secret of a whole run, searched for in everything that the run left, said or showed."""

from __future__ import annotations

import base64
import io
import json
import os
import shlex
import subprocess
import sys
import tempfile
import threading
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from reconciler.cli import main
from reconciler.exchange.errors import ExchangeError
from reconciler.exchange.port import Auth, Command, Connection, Endpoint
from reconciler.exchange.session import Sessions
from reconciler.lab import authority
from reconciler.lab.call import Role
from reconciler.lab.control import ThreadedLab, open_threaded
from reconciler.lab.process import write_private
from reconciler.operations.servers import Servers

RELAY = "relay-Pa55w0rd:with/+signs"
DECLARED = """
version: 1
organization: contoso
issuers: {house: {type: local, certificate: ca.pem, key: ca.key}}
servers:
  MBX1:
    role: mailbox
    certificates:
      public: {subject: "CN=mail.contoso.com", domains: [mail.contoso.com], services: [SMTP], issuer: house}
    send_connectors:
      tls_required: {to: [fabrikam.com], certificate: public}
      opportunistic:
        to: ["*"]
        via: {smart_hosts: [relay.contoso.com], auth: BasicAuthRequireTLS, credential: "env:RELAY"}
  EDGE1: {role: edge, receive_connectors: {"Default internal receive connector EDGE1": {comment: ours}}}
"""


def traces(secret: bytes) -> list[bytes]:
    """What would betray a secret: as it is, in UTF-16, hexadecimal, and in base64 at three offsets."""
    found = []
    for form in (secret, secret.decode().encode("utf-16-le"), json.dumps(secret.decode())[1:-1].encode()):
        found += [form, form.hex().encode(), form.hex().upper().encode()]
        # Without the ends, which depend on what stands beside it.
        found += [base64.b64encode(b"\0" * shift + form)[4:-4] for shift in range(3)]
    return found


@dataclass
class Ran:
    """A run, and all that came of it.

    Attributes:
        opened: Made by the command that gives the account for writing.
        was_opened: Whether it was there after each command.
        said: What was printed, by command.
        arguments: Command lines of processes that were there meanwhile.
    """

    folder: Path
    lab: ThreadedLab
    opened: Path
    was_opened: dict[str, bool] = field(default_factory=dict)
    said: dict[str, bytes] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    arguments: set[bytes] = field(default_factory=set)

    @property
    def secrets(self) -> list[bytes]:
        accounts = [self.lab.account(role).password.encode() for role in (Role.ADMIN, Role.READER)]
        return [*accounts, RELAY.encode()]

    def run(self, name: str, *arguments: str, alone: bool = False) -> None:
        """Run a command.

        Args:
            name: Of the run; with a blank in it, the command is the first of ``arguments``.
            alone: In a process of its own, which others can see.
        """
        words = arguments if " " in name or name == "bug" else (name, *arguments)
        if alone:
            program = "import sys; from reconciler.cli import main; sys.exit(main(sys.argv[1:]))"
            ended = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, check=False)
            self.said[name], self.codes[name] = ended.stdout + ended.stderr, ended.returncode
        else:
            said = io.StringIO()
            with redirect_stdout(said), redirect_stderr(said):
                self.codes[name] = main(list(words))
            self.said[name] = said.getvalue().encode()
        self.was_opened[name] = self.opened.exists()

    def files(self) -> Iterator[Path]:
        """Every file that is not the lab's own, nor one that a reference leads to."""
        for path in self.folder.rglob("*"):
            if path.is_file() and "lab" not in path.parts and "references" not in path.parts:
                yield path


@contextmanager
def watched(seen: set[bytes]) -> Iterator[None]:
    """Look at the command lines of all processes, as anybody on the machine can."""
    done = threading.Event()

    def look() -> None:
        looks: Counter[str] = Counter()
        while not done.wait(0.02):
            for process in os.listdir("/proc"):
                looks[process] += process.isdecimal()
                if 0 < looks[process] < 10:  # a new process shows its parent's first
                    with suppress(OSError):  # it may have ended
                        seen.add(Path("/proc", process, "cmdline").read_bytes())

    watcher = threading.Thread(target=look)
    if Path("/proc/self/cmdline").exists():
        watcher.start()
    try:
        yield
    finally:
        done.set()
        if watcher.is_alive():
            watcher.join()


def printing(folder: Path, name: str, text: str, opened: Path | None = None) -> str:
    """A reference to a program that prints a secret, and says by a file that it was run."""
    script = folder / f"{name}.py"
    touch = f"open({str(opened)!r}, 'w').close()\n" if opened else ""
    write_private(script, f"{touch}print({text!r})\n".encode())
    return f"command:{shlex.join([sys.executable, str(script)])}"


def connections(folder: Path, lab: ThreadedLab, opened: Path) -> Path:
    references = folder / "references"
    references.mkdir()
    reader, writer = (lab.account(role) for role in (Role.READER, Role.ADMIN))
    write_private(references / "reader", f"{reader.name}:{reader.password}".encode())
    pem = lab.directory / authority.client_certificate(writer.name)
    write_private(references / "client.pem", pem.read_bytes())
    write = printing(references, "writer", f"{writer.name}:{writer.password}", opened)
    servers = {
        "MBX1": {
            "url": lab.url("MBX1"),
            "ca": str(lab.ca),
            "credential": {"read": "file:references/reader", "write": write},
        },
        "EDGE1": {
            "url": lab.url("EDGE1"),
            "ca": str(lab.ca),
            "auth": "certificate",
            "credential": "file:references/client.pem",
        },
    }
    issuer = {
        "type": "local",
        "certificate": str(lab.directory / authority.ISSUER),
        "key": str(lab.directory / authority.ISSUER_KEY),
    }
    path = folder / "connections.yaml"
    path.write_text(json.dumps({"servers": servers, "issuers": {"*": issuer}}))
    return path


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """Plan, save, show, apply, plan again, verify; wrong passwords, and a bug, which writes its report."""
    folder = tmp_path_factory.mktemp("run")
    with (
        pytest.MonkeyPatch.context() as patch,
        open_threaded(folder / "lab", servers=1, edges=1) as lab,
    ):
        temporary = folder / "tmp"
        temporary.mkdir()
        patch.setenv("TMPDIR", str(temporary))
        patch.setattr(tempfile, "tempdir", str(temporary))
        patch.setenv("RELAY", f"relay:{RELAY}")
        made = Ran(folder, lab, folder / "opened")
        how = ["--connections", str(connections(folder, lab, made.opened))]
        state = ["--state", str(folder / "state")]
        tls, plan = folder / "tls.yaml", folder / "tls.plan"
        tls.write_text(DECLARED)
        with watched(made.arguments):
            made.run("plan", str(tls), *how, *state, "--out", str(plan), alone=True)
            made.run("plan as JSON", "plan", str(tls), *how, *state, "--json")
            made.run("show", str(plan), "--as", "json")
            made.run("verify", str(tls), *how, *state)
            made.run("import", str(tls), "receive_connector.EDGE1.nothing", *how, *state)
            made.run("apply", str(plan), "--auto-approve", "--json", alone=True)
            made.run("plan again", "plan", str(tls), *how, *state)
            write_private(folder / "references" / "reader", f"viewer:{lab.account().password}".encode())
            made.run("wrong password", "plan", str(tls), *how, *state)
            write_private(folder / "references" / "reader", lab.account().password.encode())
            made.run("no user", "plan", str(tls), *how, *state)
        with patch.context() as broken:
            broken.setattr(Servers, "refresh", bug)
            made.run("bug", "plan", str(tls), *how, *state)
        yield made


def bug(servers: Servers, *_: object) -> None:
    """What must not be told of: the message and the variables of a bug."""
    password = RELAY
    raise RuntimeError(f"a bug with {password}")


class TestARun:
    def test_went_as_meant(self, ran: Ran) -> None:
        """Otherwise nothing would be shown by what follows."""
        assert [ran.codes[name] for name in ("plan", "plan as JSON", "show", "apply")] == [0] * 4, ran.said
        assert b"No changes" in ran.said["plan again"]
        assert b"Not seen everywhere" not in ran.said["apply"]  # a reader without -DomainController sees less
        assert ran.codes["wrong password"] == ran.codes["no user"] == ran.codes["bug"] == 1
        assert b"authentication failed for viewer" in ran.said["wrong password"]
        assert {path.name for path in ran.files()} >= {"tls.plan", "record.json"}
        assert list((ran.folder / "tmp").glob("reconciler-*.txt"))

    def test_opens_the_account_for_writing_when_it_writes(self, ran: Ran) -> None:
        """Planning, showing, verifying and importing never do."""
        opened = [name for name, was in ran.was_opened.items() if was]
        assert opened[0] == "apply"

    def test_is_searched_so_that_secrets_are_found(self, ran: Ran) -> None:
        """Where they belong each is; and in the header of Basic, and in the clear of a script."""
        references = b"".join(path.read_bytes() for path in (ran.folder / "references").iterdir())
        written = references + b"".join(path.read_bytes() for path in ran.lab.directory.glob("*.credential"))
        for secret in ran.secrets[:2]:
            assert any(trace in written for trace in traces(secret))
        for secret in ran.secrets:
            assert any(trace in base64.b64encode(b"admin:" + secret) for trace in traces(secret))
            assert any(
                trace in secret.decode().encode("utf-16-le").hex().encode() for trace in traces(secret)
            )

    def test_leaves_none_in_a_file(self, ran: Ran) -> None:
        for path in ran.files():
            content = path.read_bytes()
            assert not any(trace in content for secret in ran.secrets for trace in traces(secret)), path

    def test_says_none(self, ran: Ran) -> None:
        for name, said in ran.said.items():
            assert not any(trace in said for secret in ran.secrets for trace in traces(secret)), name

    @pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="processes are seen in /proc alone")
    def test_shows_none_in_a_list_of_processes(self, ran: Ran) -> None:
        assert any(
            b"writer.py" in line for line in ran.arguments
        )  # the program that a reference names was seen
        everything = b"\n".join(ran.arguments)
        assert not any(trace in everything for secret in ran.secrets for trace in traces(secret))


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadedLab]:
    folder = tmp_path_factory.mktemp("faulty")
    (folder / "faults.json").write_text(json.dumps([{"request": "command", "action": "drop"}]))
    with open_threaded(folder / "lab", servers=1, edges=0, faults=folder / "faults.json") as lab:
        yield lab


class TestATraceback:
    """Some tools print the variables of every frame: those of HTTP libraries hold the header of Basic."""

    @pytest.mark.parametrize(
        ("auth", "what"),
        [
            (Auth.BASIC, "drop"),
            (Auth.BASIC, "nobody there"),
            (Auth.BASIC, "not trusted"),
            (Auth.BASIC, "wrong password"),
            (Auth.NTLM, "drop"),
            (Auth.NTLM, "wrong password"),
            (Auth.NEGOTIATE, "wrong password"),
            (Auth.CREDSSP, "not offered"),
        ],
    )
    def test_holds_none_in_its_variables(self, faulty: ThreadedLab, auth: Auth, what: str) -> None:
        account = faulty.account()
        url = faulty.url("MBX1") if auth is Auth.BASIC else faulty.http("MBX1")
        connection = Connection(
            "MBX1", url, Endpoint.EXCHANGE, account.name, account.password, faulty.ca, auth=auth
        )
        if what == "nobody there":
            connection = replace(connection, url="https://127.0.0.1:9/PowerShell/")
        elif what == "not trusted":
            connection = replace(connection, ca=None)
        elif what == "wrong password":
            connection = replace(connection, password=RELAY)
        with pytest.raises(ExchangeError) as caught, Sessions().writer(connection) as writer:
            writer.run(Command("Get-ReceiveConnector"))
        told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        text = "".join(told.format()).encode()
        assert b"sessions.py" in text  # it has frames
        assert not any(trace in text for trace in traces(connection.password.encode()))
