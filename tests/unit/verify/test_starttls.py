"""Handshakes with real SMTP servers, and with peers that are none."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from cryptography import x509

from reconciler.pki.certificate import certificate_facts
from reconciler.verify.chain import Authorities, AuthorityUnreadable, Trust
from reconciler.verify.dialogue import LONGEST_LINE, MOST_LINES
from reconciler.verify.starttls import Fault, Handshake, shake_hands
from state.values import Fqdn
from tests.authority import (
    NOW,
    Authority,
    common_name,
    der,
    make_certificate,
    pem,
    private_pem,
    rsa_key,
)

TODAY = datetime.now(UTC).replace(microsecond=0)
MAIL = Fqdn("mail1.contoso.com")
AUTHORITY = Authority.make()


def certificate(days: int = 30, domains: tuple[str, ...] = ("mail1.contoso.com",)) -> x509.Certificate:
    """Issued by the test authority; negative ``days``: it ended that long ago."""
    return make_certificate(
        common_name(domains[0]),
        domains,
        issuer=AUTHORITY,
        not_before=TODAY - timedelta(days=60),
        not_after=TODAY + timedelta(days=days),
    )


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Authorities:
    """Trusts the test authority besides the public roots."""
    path = tmp_path_factory.mktemp("trust") / "ca.pem"
    path.write_text(authority_for_today().pem)
    return Trust((path,)).opened()


def authority_for_today() -> Authority:
    """The same key and name as :data:`AUTHORITY`, valid by the machine's clock."""
    made = make_certificate(
        common_name("Contoso Test CA"),
        (),
        AUTHORITY.key,
        not_before=TODAY - timedelta(days=100),
        not_after=TODAY + timedelta(days=100),
        ca=True,
        server_auth=None,
    )
    return Authority(made, AUTHORITY.key)


@contextmanager
def mail_server(folder: Path, presented: x509.Certificate | None) -> Iterator[int]:
    """A real SMTP server; the port it listens on. Without a certificate it offers no STARTTLS."""
    context = None
    if presented:
        (folder / "server.pem").write_text(pem(presented))
        (folder / "server.key").write_bytes(private_pem(rsa_key()))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(folder / "server.pem", folder / "server.key")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    controller = Controller(Sink(), hostname="127.0.0.1", port=port, tls_context=context)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


@contextmanager
def peer(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Somebody who accepts connections and says what ``talk`` says; the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        stopped = threading.Event()

        def serve() -> None:
            while not stopped.is_set():
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return  # closed by the test's end
                with connection:
                    connection.settimeout(10)
                    try:
                        talk(connection)
                    except OSError:
                        continue  # the client hung up, as it should

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(listening.getsockname()[1])
        finally:
            stopped.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def shake(
    port: int, trusted: Authorities, *keys: str, seconds: float = 10, now: datetime = TODAY
) -> Handshake:
    return shake_hands("127.0.0.1", port, MAIL, trusted, now, public_keys=frozenset(keys), seconds=seconds)


def faults(handshake: Handshake) -> list[Fault]:
    return [problem.fault for problem in handshake.problems]


class TestAServerThatIsAsDeclared:
    def test_has_no_problem_and_shows_its_certificate(self, tmp_path: Path, trusted: Authorities) -> None:
        """Connected by address, asked for by name."""
        presented = certificate()
        facts = certificate_facts(der(presented))
        with mail_server(tmp_path, presented) as port:
            handshake = shake(port, trusted, facts.public_key)
        assert handshake == Handshake(facts, ())


class TestAServer:
    def test_with_another_key_than_the_declared_one_is_told(
        self, tmp_path: Path, trusted: Authorities
    ) -> None:
        """Trusted, valid, right names, and still the old certificate."""
        with mail_server(tmp_path, certificate()) as port:
            handshake = shake(port, trusted, "another")
        assert faults(handshake) == [Fault.OTHER_CERTIFICATE]
        assert handshake.certificate
        assert str(handshake.certificate.thumbprint) in str(handshake.problems[0])

    def test_with_a_certificate_for_other_names_is_told_and_shown(
        self, tmp_path: Path, trusted: Authorities
    ) -> None:
        with mail_server(tmp_path, certificate(domains=("ex1.corp.local",))) as port:
            handshake = shake(port, trusted)
        assert faults(handshake) == [Fault.NAME_MISMATCH]
        assert handshake.problems[0].detail == "ex1.corp.local"
        assert handshake.certificate
        assert handshake.certificate.subject == "CN=ex1.corp.local"

    def test_with_an_expired_certificate_is_told(self, tmp_path: Path, trusted: Authorities) -> None:
        with mail_server(tmp_path, certificate(days=-1)) as port:
            handshake = shake(port, trusted)
        assert faults(handshake) == [Fault.EXPIRED]
        assert handshake.problems[0].detail.startswith("on ")

    def test_is_judged_at_the_instant_that_is_given(self, tmp_path: Path, trusted: Authorities) -> None:
        """Not at the clock of this machine, which OpenSSL would take."""
        with mail_server(tmp_path, certificate()) as port:
            assert faults(shake(port, trusted, now=TODAY + timedelta(days=31))) == [Fault.EXPIRED]
            assert faults(shake(port, trusted, now=TODAY - timedelta(days=61))) == [Fault.NOT_YET_VALID]

    def test_with_a_chain_that_only_our_copy_completes_is_told(
        self, tmp_path: Path, trusted: Authorities
    ) -> None:
        root = Authority.make("Root", key=rsa_key(8), not_after=TODAY + timedelta(days=900))
        issuing = Authority.make("Issuing", issuer=root, not_after=TODAY + timedelta(days=900))
        presented = make_certificate(common_name(MAIL.name), (MAIL.name,), issuer=issuing)
        with mail_server(tmp_path, presented) as port:
            short = Authorities((root.certificate,), (issuing.certificate,))
            handshake = shake(port, short, now=NOW)
        assert faults(handshake) == [Fault.SHORT_CHAIN]
        assert "CN=Issuing" in handshake.problems[0].detail

    def test_with_a_certificate_that_nobody_trusts_is_told(self, tmp_path: Path) -> None:
        with mail_server(tmp_path, certificate()) as port:
            handshake = shake(port, Authorities())
            unknown = shake(port, Authorities(is_whole=False))
        assert faults(handshake) == [Fault.UNTRUSTED]
        assert faults(unknown) == [Fault.NOT_JUDGED]
        assert "issuer" in handshake.problems[0].detail
        assert handshake.certificate

    def test_with_everything_wrong_has_all_of_it_told(self, tmp_path: Path) -> None:
        """OpenSSL stops at the first; the person should not have to come back three times."""
        with mail_server(tmp_path, certificate(-1, ("ex1.corp.local",))) as port:
            handshake = shake(port, Authorities(), "another")
        assert faults(handshake) == [
            Fault.UNTRUSTED,
            Fault.EXPIRED,
            Fault.NAME_MISMATCH,
            Fault.OTHER_CERTIFICATE,
        ]

    def test_without_starttls_is_told(self, tmp_path: Path, trusted: Authorities) -> None:
        """What is left when TlsCertificateName dangles: the extension disappears."""
        with mail_server(tmp_path, None) as port:
            handshake = shake(port, trusted)
        assert handshake == Handshake(problems=handshake.problems)
        assert faults(handshake) == [Fault.NO_STARTTLS]

    def test_that_is_not_there_is_told(self, trusted: Authorities) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = int(free.getsockname()[1])
        assert faults(shake(port, trusted)) == [Fault.UNREACHABLE]

    @pytest.mark.parametrize("host", ["x" * 70 + ".example", "a..b"])
    def test_whose_name_cannot_be_looked_up_is_told(self, trusted: Authorities, host: str) -> None:
        found = shake_hands(host, 1, MAIL, trusted, datetime.now(UTC), seconds=5)
        assert faults(found) == [Fault.UNREACHABLE]


def says(*replies: bytes) -> Callable[[socket.socket], None]:
    """One reply at once, and one after each line received."""

    def talk(connection: socket.socket) -> None:
        for reply in replies:
            connection.sendall(reply)
            connection.recv(4096)

    return talk


HELLO, EXTENSIONS = b"220 hello\r\n", b"250-hello\r\n250 STARTTLS\r\n"


class TestAPeer:
    @pytest.mark.parametrize(
        ("replies", "fault", "detail"),
        [
            ((b"HTTP/1.1 400 Bad Request\r\n\r\n",), Fault.GARBAGE, "no SMTP reply"),
            ((b"\x16\x03\x01\x00\x05garbage\n",), Fault.GARBAGE, "no SMTP reply"),
            ((b"\r\n",), Fault.GARBAGE, "no SMTP reply"),
            ((b"220" + b"x" * 9000,), Fault.GARBAGE, f"over {LONGEST_LINE} bytes"),
            ((b"220-x\r\n" * 2000,), Fault.GARBAGE, f"over {MOST_LINES} lines"),
            ((b"220-a\r\n250 b\r\n",), Fault.GARBAGE, "several codes"),
            ((b"220-half a greeting\r\n",), Fault.GARBAGE, "closed in the middle"),
            ((b"554 no\x1b[31m\r\n",), Fault.REFUSED, "554 no\ufffd[31m"),
            ((HELLO, b"502 no EHLO here\r\n"), Fault.REFUSED, "502 no EHLO here"),
            ((HELLO, b"250-STARTTLS\r\n250 XSTARTTLS\r\n"), Fault.NO_STARTTLS, ""),
            ((HELLO, EXTENSIONS, b"454 TLS not available\r\n"), Fault.TLS_FAILED, "454 TLS not available"),
            ((HELLO, EXTENSIONS, b"220 go\r\nno TLS"), Fault.GARBAGE, "clear text"),
            ((HELLO, EXTENSIONS, b"220 go\r\n", b"no TLS at all\r\n"), Fault.TLS_FAILED, ""),
        ],
    )
    def test_that_does_not_do_as_it_should_is_told(
        self, trusted: Authorities, replies: tuple[bytes, ...], fault: Fault, detail: str
    ) -> None:
        def talk(connection: socket.socket) -> None:
            says(*replies[:-1])(connection)
            connection.sendall(replies[-1])
            connection.shutdown(socket.SHUT_WR)
            connection.recv(4096)

        with peer(talk) as port:
            handshake = shake(port, trusted)
        assert faults(handshake) == [fault]
        assert detail in handshake.problems[0].detail

    def test_that_says_nothing_is_left_in_time(self, trusted: Authorities) -> None:
        def talk(connection: socket.socket) -> None:
            connection.recv(1)

        with peer(talk) as port:
            assert faults(shake(port, trusted, seconds=0.2)) == [Fault.TIMED_OUT]

    def test_that_drips_is_left_in_time(self, trusted: Authorities) -> None:
        """Each byte comes in time; all of them would not."""

        def talk(connection: socket.socket) -> None:
            connection.settimeout(0.02)
            while True:
                connection.sendall(b"2")
                try:
                    connection.recv(1)
                except TimeoutError:
                    continue
                return

        with peer(talk) as port:
            assert faults(shake(port, trusted, seconds=0.3)) == [Fault.TIMED_OUT]

    def test_that_stalls_in_the_handshake_is_left_in_time(self, trusted: Authorities) -> None:
        def talk(connection: socket.socket) -> None:
            says(HELLO, EXTENSIONS)(connection)
            connection.sendall(b"220 go\r\n")
            while connection.recv(4096):
                continue

        with peer(talk) as port:
            assert faults(shake(port, trusted, seconds=0.3)) == [Fault.TIMED_OUT]

    def test_is_asked_for_the_name_that_the_world_uses(self, trusted: Authorities) -> None:
        """Exchange chooses by connector, others by SNI; the address says nothing."""
        seen: list[bytes] = []

        def talk(connection: socket.socket) -> None:
            connection.sendall(HELLO)
            seen.append(connection.recv(4096))
            connection.sendall(EXTENSIONS)
            seen.append(connection.recv(4096))
            connection.sendall(b"220 go\r\n")
            seen.append(connection.recv(4096))

        with peer(talk) as port:
            shake(port, trusted)
        assert seen[0] == b"EHLO [127.0.0.1]\r\n"
        assert seen[1] == b"STARTTLS\r\n"
        assert MAIL.name.encode() in seen[2]


Addresses = list[tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int]]]


def resolves(monkeypatch: pytest.MonkeyPatch, answer: Callable[[], Addresses]) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer())


def at(port: int) -> Addresses:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


@contextmanager
def black_hole() -> Iterator[int]:
    """A port that answers no connection: those that wait to be accepted are as many as may."""
    with ExitStack() as open_ones:
        listening = open_ones.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        while True:
            waiting = open_ones.enter_context(socket.socket())
            waiting.settimeout(0.1)
            try:
                waiting.connect(listening.getsockname())
            except TimeoutError:
                break
        yield listening.getsockname()[1]


class TestAName:
    def test_of_several_addresses_is_reached_at_any(
        self, tmp_path: Path, trusted: Authorities, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with mail_server(tmp_path, certificate()) as port, socket.create_server(("127.0.0.1", 0)) as free:
            closed = free.getsockname()[1]
            free.close()
            resolves(monkeypatch, lambda: [*at(closed), *at(port)])
            assert faults(shake(port, trusted)) == []

    @pytest.mark.skipif(sys.platform == "win32", reason="there a full queue refuses, it does not stay silent")
    def test_of_several_addresses_has_one_deadline(
        self, tmp_path: Path, trusted: Authorities, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And none of them takes the time of the others."""
        with black_hole() as silent, mail_server(tmp_path, certificate()) as port:
            resolves(monkeypatch, lambda: 4 * at(silent))
            began = time.monotonic()
            assert faults(shake(silent, trusted, seconds=0.4)) == [Fault.TIMED_OUT]
            assert time.monotonic() - began < 1.2
            resolves(monkeypatch, lambda: [*at(silent), *at(port)])
            assert faults(shake(port, trusted, seconds=2)) == []

    def test_that_no_resolver_answers_for_is_left_in_time(
        self, trusted: Authorities, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answered = threading.Event()

        def late() -> Addresses:
            answered.wait(10)
            return []

        resolves(monkeypatch, late)
        try:
            assert faults(shake(1, trusted, seconds=0.2)) == [Fault.TIMED_OUT]
            assert not answered.is_set()
        finally:
            answered.set()

    def test_that_no_resolver_takes_is_told(self, trusted: Authorities) -> None:
        handshake = shake_hands("a" * 64 + ".invalid", 25, MAIL, trusted, datetime.now(UTC), seconds=10)
        assert faults(handshake) == [Fault.UNREACHABLE]


class TestTrust:
    def test_of_an_authority_that_is_not_its_own_issuer_is_enough(self, tmp_path: Path) -> None:
        """The issuer ``local`` may stand below another authority."""
        root = Authority.make("Root", key=rsa_key(8))
        middle = make_certificate(
            common_name("Contoso Test CA"),
            (),
            AUTHORITY.key,
            root,
            not_before=TODAY - timedelta(days=100),
            not_after=TODAY + timedelta(days=100),
            ca=True,
            server_auth=None,
        )
        (tmp_path / "ca.pem").write_text(pem(middle))
        with mail_server(tmp_path, certificate()) as port:
            assert shake(port, Trust((tmp_path / "ca.pem",)).opened()).problems == ()

    def test_in_a_file_that_is_none_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "empty.pem").write_text("")
        for name, reason in (("empty.pem", "no certificate"), ("missing.pem", "No such file")):
            with pytest.raises(AuthorityUnreadable, match=reason) as caught:
                Trust((tmp_path / name,)).opened()
            assert caught.value.path == tmp_path / name
