"""Servers that are not there, not trusted, not Exchange, or not sane: each is told from the others."""

from __future__ import annotations

import base64
import gzip
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.exchange.errors import (
    AccessDenied,
    AuthenticationFailed,
    BadConnection,
    ExchangeError,
    Garbage,
    QuotaExceeded,
    Redirected,
    Refused,
    ServerBusy,
    TimedOut,
    Unreachable,
    UntrustedCertificate,
    WrongEndpoint,
)
from reconciler.exchange.port import Connection, Endpoint, Timeouts
from reconciler.exchange.session import Sessions

Answer = Callable[[bytes], bytes | Iterator[bytes]]
Wire = Any  # of conftest.py, which test files cannot import

PATIENT = Timeouts(connect=5, read=5, invocation=10)
IMPATIENT = Timeouts(connect=2, read=0.2, operation=1, invocation=0.3)


def connection(url: str, ca: Path | None, timeouts: Timeouts = PATIENT) -> Connection:
    return Connection("EX1", url, Endpoint.EXCHANGE, "contoso\\admin", "secret", ca, timeouts)


def open_session(where: Connection) -> None:
    with Sessions().reader(where):
        pass


def http(status: str, body: bytes | str = b"", *headers: str) -> bytes:
    raw = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(raw)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + raw


def envelope(body: str, request: bytes = b"") -> str:
    found = re.search(rb"MessageID>(uuid:[^<]+)<", request)
    relates = found[1].decode() if found else "uuid:0"
    return (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
        'xmlns:rsp="http://schemas.microsoft.com/wbem/wsman/1/windows/shell">'
        f"<s:Header><a:RelatesTo>{relates}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )


def fault(code: int) -> bytes:
    detail = f'<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="{code}">'
    return http(
        "500 Internal Server Error",
        envelope(
            "<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text>no</s:Text></s:Reason>"
            f"<s:Detail>{detail}<f:Message>told</f:Message></f:WSManFault></s:Detail></s:Fault>"
        ),
    )


def streams(data: str) -> Answer:
    """A server that opens a shell and then sends ``data`` as the first output."""

    def answer(request: bytes) -> bytes:
        if b"shell/Receive" in request:
            body = f'<rsp:ReceiveResponse><rsp:Stream Name="stdout">{data}</rsp:Stream></rsp:ReceiveResponse>'
        else:
            body = "<rsp:Shell><rsp:ShellId>1</rsp:ShellId></rsp:Shell>"
        return http("200 OK", envelope(body, request))

    return answer


@contextmanager
def failing(
    answer: Answer, wire: Wire, expected: type[ExchangeError], timeouts: Timeouts = PATIENT
) -> Iterator[ExchangeError]:
    """Open a session on a peer that answers so; gives the error, which must be of that very type."""
    with wire.peer(answer, wire.for_loopback) as port:
        with pytest.raises(ExchangeError) as caught:
            open_session(connection(f"https://127.0.0.1:{port}/PowerShell/", wire.ca, timeouts))
        assert type(caught.value) is expected
        assert "secret" not in str(caught.value)
        yield caught.value


def error(
    answer: Answer, wire: Wire, expected: type[ExchangeError], timeouts: Timeouts = PATIENT
) -> ExchangeError:
    with failing(answer, wire, expected, timeouts) as found:
        return found


class TestASettingThatCannotWork:
    @pytest.mark.parametrize(
        "url",
        [
            "http://ex1.example/PowerShell/",
            "https://",
            "https://ex1:99999/",
            "https://a:b@ex1/",
            "ftp://ex1",
            "ex1",
        ],
    )
    def test_is_refused_before_anything_is_sent(self, url: str) -> None:
        with pytest.raises(BadConnection):
            open_session(connection(url, None))

    def test_is_a_ca_file_that_is_missing_or_none(self, tmp_path: Path) -> None:
        (tmp_path / "junk.pem").write_text("junk")
        for name in ("missing.pem", "junk.pem"):
            with pytest.raises(BadConnection, match=name):
                open_session(connection("https://127.0.0.1:1/", tmp_path / name))


class TestAServerThatIsNotThere:
    def test_is_unreachable(self, wire: Wire) -> None:
        with wire.peer(lambda _: b"", None) as port:
            pass
        with pytest.raises(Unreachable):
            open_session(connection(f"https://127.0.0.1:{port}/", wire.ca))

    def test_is_unreachable_when_it_hangs_up(self, wire: Wire) -> None:
        error(lambda _: b"", wire, Unreachable)

    @pytest.mark.parametrize("status", ["502 Bad Gateway", "504 Gateway Timeout"])
    def test_is_unreachable_behind_a_proxy_that_says_so(self, wire: Wire, status: str) -> None:
        error(lambda _: http(status, "<html></html>"), wire, Unreachable)

    def test_is_busy_when_it_says_so(self, wire: Wire) -> None:
        error(lambda _: http("503 Service Unavailable", "<html></html>"), wire, ServerBusy)

    def test_times_out_when_it_is_silent(self, wire: Wire) -> None:
        released = threading.Event()

        def silent(_: bytes) -> bytes:
            released.wait(5)
            return b""

        with failing(silent, wire, TimedOut, IMPATIENT):
            released.set()

    def test_times_out_when_it_never_ends(self, wire: Wire) -> None:
        """A byte now and then must not keep us for ever."""

        def endless(_: bytes) -> Iterator[bytes]:
            yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            while True:
                yield b"1\r\n \r\n" * 500

        error(endless, wire, TimedOut, IMPATIENT)

    def test_times_out_when_its_headers_never_end(self, wire: Wire) -> None:
        """Each byte comes in time for its own read; all of them together never do."""
        pause = threading.Event()

        def dripping(_: bytes) -> Iterator[bytes]:
            yield b"HTTP/1.1 200 OK\r\nX-Long: "
            while not pause.wait(0.02):
                yield b"x"

        with failing(dripping, wire, TimedOut, IMPATIENT):
            pause.set()

    def test_times_out_when_it_always_says_to_go_on(self, wire: Wire) -> None:
        """RFC 9110 15.2 allows any number of interim answers, and the standard library reads them all."""
        pause = threading.Event()

        def continuing(_: bytes) -> Iterator[bytes]:
            while not pause.is_set():
                yield b"HTTP/1.1 100 Continue\r\n\r\n" * 50

        with failing(continuing, wire, TimedOut, IMPATIENT):
            pause.set()


class TestACertificate:
    def test_of_an_unknown_authority_is_not_trusted(self, wire: Wire) -> None:
        with wire.peer(lambda _: b"", wire.for_loopback) as port, pytest.raises(UntrustedCertificate):
            open_session(connection(f"https://127.0.0.1:{port}/", None))

    def test_for_another_name_is_not_trusted(self, wire: Wire) -> None:
        with wire.peer(lambda _: b"", wire.for_elsewhere) as port, pytest.raises(UntrustedCertificate):
            open_session(connection(f"https://127.0.0.1:{port}/", wire.ca))

    def test_that_is_none_is_nonsense(self, wire: Wire) -> None:
        with wire.peer(lambda _: http("200 OK"), None) as port, pytest.raises(Garbage):
            open_session(connection(f"https://127.0.0.1:{port}/", wire.ca))

    def test_is_not_chosen_by_the_environment(self, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(wire.ca))
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
        with wire.peer(lambda _: b"", wire.for_loopback) as port, pytest.raises(UntrustedCertificate):
            open_session(connection(f"https://127.0.0.1:{port}/", None))


class TestARefusal:
    def test_of_the_password_names_what_is_offered(self, wire: Wire) -> None:
        offers = "WWW-Authenticate: Negotiate, Basic realm=x"
        found = error(lambda _: http("401 Unauthorized", "", offers), wire, AuthenticationFailed)
        assert isinstance(found, AuthenticationFailed)
        assert found.offered == ("Negotiate", "Basic")
        assert found.user == "contoso\\admin"

    def test_of_the_account_is_access_denied(self, wire: Wire) -> None:
        error(lambda _: http("403 Forbidden", "<html></html>"), wire, AccessDenied)
        error(lambda _: fault(5), wire, AccessDenied)

    def test_of_the_path_or_configuration_is_a_wrong_endpoint(self, wire: Wire) -> None:
        error(lambda _: http("404 Not Found", "<html></html>"), wire, WrongEndpoint)
        error(lambda _: fault(2150858811), wire, WrongEndpoint)
        error(lambda _: fault(2150859161), wire, WrongEndpoint)
        error(
            lambda _: http("302 Found", "", "Location: https://elsewhere.example/owa"),
            wire,
            Redirected,
        )

    def test_of_another_kind_keeps_its_number(self, wire: Wire) -> None:
        error(lambda _: fault(2150859174), wire, QuotaExceeded)
        found = error(lambda _: fault(2150858843), wire, Refused)
        assert isinstance(found, Refused)
        assert (found.code, found.reason) == (2150858843, "told")

    def test_for_lack_of_news_is_a_time_out(self, wire: Wire) -> None:
        error(lambda _: fault(2150858793), wire, TimedOut)


class TestNonsense:
    @pytest.mark.parametrize(
        "answer",
        [
            b"HELLO\r\n\r\n",
            http("200 OK"),
            http("200 OK", "<html><body>Welcome</body></html>"),
            http("200 OK", b"\xff\xfe\xff"),
            http("200 OK", "<Envelope>"),
            http("200 OK", "<Envelope/>"),
            http("200 OK", "<!DOCTYPE a [<!ENTITY b 'c'>]><Envelope>&b;</Envelope>"),
            http("200 OK", envelope("")),
            http("500 Internal Server Error", "<Envelope>"),
            http("418 I'm a teapot"),
            http("200 OK", envelope(""))[:-20],
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
            http("200 OK", b" " * (8 * 1024 * 1024 + 1)),
            # We say that we take no compressed answers: a small one could fill all memory.
            http("200 OK", gzip.compress(envelope("").encode()), "Content-Encoding: gzip"),
        ],
        ids=lambda raw: repr(raw[:12] + raw[-20:])[:60],
    )
    def test_is_garbage(self, wire: Wire, answer: bytes) -> None:
        error(lambda _: answer, wire, Garbage)

    @pytest.mark.parametrize(
        "data",
        [
            "A",
            base64.b64encode(b"short").decode(),
            base64.b64encode(bytes(21)).decode(),
            base64.b64encode(bytes(8) + bytes(8) + b"\3" + (44).to_bytes(4) + bytes(44)).decode(),
            base64.b64encode(
                bytes(16)
                + b"\3"
                + (60).to_bytes(4)
                + (1).to_bytes(4, "little")
                + (0x21005).to_bytes(4, "little")
                + bytes(32)
                + b"<!DOCTYPE a><Obj/>  "
            ).decode(),
        ],
    )
    def test_inside_the_stream_is_garbage(self, wire: Wire, data: str) -> None:
        error(streams(data), wire, Garbage)

    def test_that_opens_nothing_does_not_go_on_for_ever(self, wire: Wire) -> None:
        """pypsrp asks again as long as the pool is not open."""
        error(streams(""), wire, TimedOut, IMPATIENT)

    @given(data=st.binary(max_size=200))
    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_of_any_kind_is_a_typed_error(self, wire: Wire, data: bytes) -> None:
        with wire.peer(streams(base64.b64encode(data).decode()), wire.for_loopback) as port:
            where = connection(f"https://127.0.0.1:{port}/", wire.ca, IMPATIENT)
            with pytest.raises((Garbage, TimedOut)):
                open_session(where)
