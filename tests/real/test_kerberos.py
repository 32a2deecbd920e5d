"""Kerberos with the ticket office of MIT: the client against the lab, both with the system's library."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from reconciler.exchange.errors import AuthenticationFailed
from reconciler.exchange.port import Auth, Command, Connection, Endpoint, Timeouts
from reconciler.exchange.session import Sessions
from reconciler.lab.control import ThreadedLab, open_threaded
from tests.kdc import NEEDS, REALM, TicketOffice, is_missing, ticket_office
from tests.rules import rule

# Only a real ticket office says whether a sign-on is Kerberos.
pytestmark = pytest.mark.skipif(is_missing, reason=NEEDS)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TicketOffice]:
    with ticket_office(tmp_path_factory.mktemp("kerberos")) as running:
        yield running


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, office: TicketOffice) -> Iterator[ThreadedLab]:
    """A lab whose administrator and web service the ticket office knows."""
    with open_threaded(tmp_path_factory.mktemp("lab") / "lab", servers=1, edges=1) as running:
        office.know(running.account())
        yield running


@pytest.fixture
def tickets(office: TicketOffice, lab: ThreadedLab) -> Iterator[None]:
    """Somebody has signed on to this machine."""
    office.fetch_ticket(lab.account())
    yield
    office.drop_tickets()


def connection(lab: ThreadedLab, url: str, auth: Auth) -> Connection:
    account = lab.account()
    patience = Timeouts(connect=5, read=20, operation=10, invocation=30)
    # By the name that the ticket is for, as on real servers.
    url = url.replace("127.0.0.1", "localhost")
    endpoint = Endpoint.WINRM if url.endswith("wsman") else Endpoint.EXCHANGE
    user = f"{account.name}@{REALM}"
    return Connection("SERVER", url, endpoint, user, account.password, lab.ca, patience, auth)


class TestKerberos:
    @rule("5-2")
    @pytest.mark.parametrize("auth", [Auth.KERBEROS, Auth.NEGOTIATE])
    @pytest.mark.parametrize("server", ["MBX1", "EDGE1"])
    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_signs_on(self, lab: ThreadedLab, auth: Auth, server: str, scheme: str) -> None:
        """With Negotiate as well: NTLM knows no user@REALM here."""
        url = lab.http(server) if scheme == "http" else lab.url(server)
        with Sessions().writer(connection(lab, url, auth)) as writer:
            assert writer.run(Command("Get-ReceiveConnector")).outputs

    def test_with_a_wrong_password_is_a_typed_error(self, lab: ThreadedLab) -> None:
        """The library's own error is of no class that a caller could know."""
        wrong = replace(connection(lab, lab.http("MBX1"), Auth.KERBEROS), password="wr0ng")
        with pytest.raises(AuthenticationFailed) as caught, Sessions().reader(wrong):
            pass
        assert caught.value.offered == ("Negotiate", "NTLM")
        assert "wr0ng" not in str(caught.value)

    def test_for_a_service_that_nobody_knows_is_a_typed_error(self, lab: ThreadedLab) -> None:
        """An address is no name of a service."""
        found = connection(lab, lab.http("MBX1"), Auth.KERBEROS)
        unknown = replace(found, url=found.url.replace("localhost", "127.0.0.1"))
        with pytest.raises(AuthenticationFailed), Sessions().reader(unknown):
            pass

    def test_reaches_a_service_by_another_name_than_its_host_s(self, lab: ThreadedLab) -> None:
        """Behind a load balancer the farm has a name of its own; here the address has none at all."""
        found = connection(lab, lab.http("MBX1"), Auth.KERBEROS)
        farm = replace(found, url=lab.http("MBX1"), service="HTTP/localhost")
        with Sessions().reader(farm):
            pass
        with pytest.raises(AuthenticationFailed), Sessions().reader(replace(farm, service="host/localhost")):
            pass


class TestTicketsThatAreThere:
    @pytest.mark.parametrize("server", ["MBX1", "EDGE1"])
    @pytest.mark.parametrize("scheme", ["http", "https"])
    @pytest.mark.usefixtures("tickets")
    def test_sign_on_without_a_password(self, lab: ThreadedLab, server: str, scheme: str) -> None:
        url = lab.http(server) if scheme == "http" else lab.url(server)
        found = replace(connection(lab, url, Auth.KERBEROS), user="", password="")
        with Sessions().writer(found) as writer:
            assert writer.run(Command("Get-ReceiveConnector")).outputs

    def test_that_are_not_is_a_typed_error(self, lab: ThreadedLab, office: TicketOffice) -> None:
        office.drop_tickets()
        found = replace(connection(lab, lab.http("MBX1"), Auth.KERBEROS), user="", password="")
        with (
            pytest.raises(AuthenticationFailed, match="the tickets that are there"),
            Sessions().reader(found),
        ):
            pass
