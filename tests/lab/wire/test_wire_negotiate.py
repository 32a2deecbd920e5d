"""NTLM, Negotiate and client certificates, as stock pypsrp speaks them; over http with message encryption."""

from __future__ import annotations

import base64
import http.client
import os
import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import spnego
from hypothesis import given
from hypothesis import strategies as st
from pypsrp.exceptions import AuthenticationError
from pypsrp.powershell import PowerShell, RunspacePool

from reconciler.lab import sealed
from reconciler.lab.authority import client_certificate
from reconciler.lab.call import Role
from reconciler.lab.emulator import ThreadedLab
from reconciler.lab.sealed import NotSealed, Sealed
from tests.rules import rule

Connect = Callable[..., Any]


def run(wsman: Any, cmdlet: str, configuration: str = "Microsoft.Exchange", **parameters: Any) -> Any:
    with wsman, RunspacePool(wsman, configuration_name=configuration) as pool:
        shell = PowerShell(pool)
        shell.add_cmdlet(cmdlet).add_parameters(parameters)
        return shell.invoke()


def over_http(connect: Connect, lab: ThreadedLab, server: str = "MBX1", **options: Any) -> Any:
    port = urlsplit(lab.http(server)).port
    return connect(lab, server, **{"ssl": False, "port": port, "auth": "negotiate", **options})


class TestOverHttp:
    @rule("5-2")
    @pytest.mark.parametrize("auth", ["ntlm", "negotiate"])
    def test_a_session_is_signed_on_and_encrypted(
        self, lab: ThreadedLab, connect: Connect, auth: str
    ) -> None:
        (large,) = run(over_http(connect, lab, auth=auth), "Get-Echo", Value="x" * 300_000)
        assert large == "str 300000"

    def test_signing_on_costs_three_requests(self, lab: ThreadedLab, connect: Connect) -> None:
        """One to learn what is offered, two for the tokens; a session itself is five."""
        run(over_http(connect, lab), "Get-Thing")
        assert lab.status()["requests"]["MBX1"] == 3 + 5

    def test_the_account_is_who_signed_on(self, lab: ThreadedLab, exchange: Any, connect: Connect) -> None:
        run(over_http(connect, lab, role=Role.READER), "Get-Thing")
        assert [call.account for call in exchange.calls] == ["viewer"]

    def test_an_edge_server_answers_too(self, lab: ThreadedLab, connect: Connect) -> None:
        """Its boundary has no blank: WinRM writes it, not IIS."""
        wsman = over_http(connect, lab, "EDGE1")
        assert (
            run(
                wsman,
                "Add-PSSnapin",
                "Microsoft.PowerShell",
                Name="Microsoft.Exchange.Management.PowerShell.E2010",
            )
            == []
        )

    @pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"username": "nobody"}])
    def test_who_cannot_sign_on_is_refused(
        self, lab: ThreadedLab, connect: Connect, wrong: dict[str, str]
    ) -> None:
        with pytest.raises(AuthenticationError):
            run(over_http(connect, lab, **wrong), "Get-Thing")

    def test_the_passwords_are_told_to_nobody_else(self, lab: ThreadedLab, connect: Connect) -> None:
        """spnego reads them from a file that a variable names, which an NTLM client would read as well."""
        run(over_http(connect, lab), "Get-Thing")
        assert "NTLM_USER_FILE" not in os.environ


class Connection:
    """One connection to the http listener, and what a client without scruples sends over it."""

    def __init__(self, lab: ThreadedLab) -> None:
        self._url = urlsplit(lab.http("MBX1"))
        self._account = lab.account()
        self._connection = http.client.HTTPConnection("127.0.0.1", self._url.port, timeout=10)

    def post(self, body: bytes = b"", **headers: str) -> http.client.HTTPResponse:
        self._connection.request(
            "POST", self._url.path, body, {name.replace("_", "-"): text for name, text in headers.items()}
        )
        response = self._connection.getresponse()
        self.said, self.media_type = response.read(), response.getheader("Content-Type", "")
        return response

    def sign_on(self) -> int:
        self.context = context = spnego.client(
            self._account.name,
            self._account.password,
            protocol="ntlm",
            options=spnego.NegotiateOptions.wrapping_winrm,
        )
        token = context.step()
        while token:
            response = self.post(Authorization=f"NTLM {base64.b64encode(token).decode()}")
            challenge = (response.getheader("WWW-Authenticate") or "").partition(" ")[2]
            token = context.step(base64.b64decode(challenge)) if challenge else None
        return response.status

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def connection(lab: ThreadedLab) -> Any:
    opened = Connection(lab)
    yield opened
    opened.close()


class TestAnHttpConnection:
    def test_is_offered_no_basic(self, connection: Connection) -> None:
        """A password would be readable."""
        response = connection.post()
        assert response.status == 401
        assert response.headers.get_all("WWW-Authenticate") == ["Negotiate", "NTLM"]

    def test_does_not_take_basic(self, connection: Connection, lab: ThreadedLab) -> None:
        account = lab.account()
        token = base64.b64encode(f"{account.name}:{account.password}".encode()).decode()
        assert connection.post(Authorization=f"Basic {token}").status == 401

    def test_that_has_signed_on_is_answered_without_a_body(self, connection: Connection) -> None:
        assert connection.sign_on() == 200
        assert connection.said == b""

    def test_that_has_signed_on_may_not_speak_plainly(self, connection: Connection) -> None:
        connection.sign_on()
        response = connection.post(b"<s:Envelope/>", Content_Type="application/soap+xml;charset=UTF-8")
        assert response.status == 500
        assert connection.said == b""

    def test_that_encrypts_with_another_key_is_not_understood(self, connection: Connection) -> None:
        connection.sign_on()
        media_type, body = sealed.write(Sealed(sealed.SPNEGO, 4, b"\1" * 16, b"abcd"), blank=False)
        assert connection.post(body, Content_Type=media_type).status == 500

    @pytest.mark.parametrize(
        ("protocol", "more", "reason"),
        [
            (sealed.SPNEGO, 0, "The envelope has no header"),  # understood: what is wrong is inside
            (sealed.SPNEGO, 1, ""),
            (sealed.SPNEGO, -1, ""),
            ("application/HTTP-Kerberos-session-encrypted", 0, ""),
            ("application/HTTP-CredSSP-session-encrypted", 0, ""),
        ],
    )
    def test_whose_frame_lies_about_the_message_is_not_understood(
        self, connection: Connection, protocol: str, more: int, reason: str
    ) -> None:
        connection.sign_on()
        wrapped = connection.context.wrap_winrm(b"<x/>")
        message = Sealed(protocol, 4 + wrapped.padding_length + more, wrapped.header, wrapped.data)
        media_type, body = sealed.write(message, blank=False)
        assert connection.post(body, Content_Type=media_type).status == 500
        said = connection.said
        if reason:
            answer = sealed.parse(connection.media_type, said)
            assert reason.encode() in connection.context.unwrap_winrm(answer.signature, answer.content)
        else:
            assert said == b""

    @pytest.mark.parametrize("token", ["", "!", "AAAA", base64.b64encode(b"NTLMSSP\0" * 9).decode()])
    def test_with_a_token_that_is_none_stays_unknown(self, connection: Connection, token: str) -> None:
        assert connection.post(Authorization=f"Negotiate {token}").status == 401
        assert connection.sign_on() == 200

    def test_does_not_vouch_for_another(self, connection: Connection, lab: ThreadedLab) -> None:
        connection.sign_on()
        other = Connection(lab)
        assert other.post().status == 401
        other.close()


class TestOverHttps:
    @pytest.mark.parametrize("auth", ["ntlm", "negotiate"])
    def test_a_session_needs_no_encryption_of_its_own(
        self, lab: ThreadedLab, connect: Connect, auth: str
    ) -> None:
        assert len(run(connect(lab, auth=auth), "Get-Thing")) == 1

    def test_a_client_that_does_not_name_the_certificate_is_refused(
        self, lab: ThreadedLab, connect: Connect
    ) -> None:
        """Extended Protection: nobody in the middle can pass a sign-on through."""
        with pytest.raises(AuthenticationError):
            run(connect(lab, auth="ntlm", negotiate_send_cbt=False), "Get-Thing")


class TestAClientCertificate:
    @staticmethod
    def options(lab: ThreadedLab, role: Role = Role.ADMIN) -> dict[str, str]:
        file = str(lab.directory / client_certificate(lab.account(role).name))
        return {"auth": "certificate", "certificate_pem": file, "certificate_key_pem": file}

    def test_signs_on_as_its_account(self, lab: ThreadedLab, exchange: Any, connect: Connect) -> None:
        run(connect(lab, **self.options(lab, Role.READER)), "Get-Thing")
        assert [call.account for call in exchange.calls] == ["viewer"]

    def test_signs_on_to_an_edge_server_by_the_word_of_its_header(
        self, lab: ThreadedLab, connect: Connect
    ) -> None:
        """WinRM maps a certificate when Authorization asks for it; IIS whenever there is one."""
        snap_in = {"Name": "Microsoft.Exchange.Management.PowerShell.E2010"}
        wsman = connect(lab, "EDGE1", **self.options(lab))
        assert run(wsman, "Add-PSSnapin", "Microsoft.PowerShell", **snap_in) == []
        context = ssl.create_default_context(cafile=lab.ca)
        context.load_cert_chain(lab.directory / client_certificate("admin"))
        for server, status in (("EDGE1", 401), ("MBX1", 500)):  # signed on, and an empty body is no message
            connection = http.client.HTTPSConnection(
                "127.0.0.1", lab.port(server), context=context, timeout=10
            )
            connection.request("POST", urlsplit(lab.url(server)).path)
            assert connection.getresponse().status == status
            connection.close()


def messages(content: st.SearchStrategy[bytes]) -> st.SearchStrategy[Sealed]:
    return st.builds(
        Sealed,
        st.just(sealed.SPNEGO),
        st.integers(0, 999_999_999),
        st.binary(min_size=1, max_size=64),
        content,
    )


encrypted = st.binary(max_size=300)
unlucky = st.just(b"--Encrypted Boundary\r\n--Encrypted Boundary--\r\n")


class TestTheMimeBody:
    @given(messages(encrypted | unlucky), st.booleans())
    def test_reads_as_it_was_written(self, message: Sealed, blank: bool) -> None:
        assert sealed.parse(*sealed.write(message, blank=blank)) == message

    @given(st.binary(max_size=200))
    def test_of_anything_else_is_none(self, body: bytes) -> None:
        with pytest.raises(NotSealed):
            sealed.parse(sealed.MEDIA_TYPE, body)

    @given(messages(encrypted), st.data())
    def test_that_is_cut_off_is_none(self, message: Sealed, data: st.DataObject) -> None:
        media_type, body = sealed.write(message, blank=False)
        end = data.draw(st.integers(0, len(body) - 3))
        with pytest.raises(NotSealed):
            sealed.parse(media_type, body[:end])
