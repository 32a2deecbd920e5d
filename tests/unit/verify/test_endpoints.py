"""Several endpoints at once."""

from __future__ import annotations

import socket
import threading
from datetime import UTC, datetime

from reconciler.events import EndpointChecked, Event
from reconciler.verify.chain import Authorities
from reconciler.verify.endpoints import Target, check_endpoints
from reconciler.verify.starttls import Fault
from state.values import Fqdn, Name

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def target(name: str, port: int) -> Target:
    return Target(Fqdn(f"{name}.contoso.com"), Name(name), "127.0.0.1", port)


class TestSeveralEndpoints:
    def test_come_back_in_their_order_and_are_told_one_by_one(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            closed = int(free.getsockname()[1])
        events: list[Event] = []
        targets = [target("ex1", closed), target("ex2", closed)]
        checked = check_endpoints(targets, Authorities(), NOW, events.append)
        assert [one.target for one in checked] == targets
        assert [one.is_good for one in checked] == [False, False]
        assert sorted(event.name for event in events if isinstance(event, EndpointChecked)) == [
            "ex1.contoso.com",
            "ex2.contoso.com",
        ]
        event = next(
            event for event in events if isinstance(event, EndpointChecked) and event.server == "ex1"
        )
        assert event.address == f"127.0.0.1:{closed}"
        assert event.problem.startswith("cannot be reached")
        assert (event.subject, event.not_after) == ("", "")

    def test_are_checked_at_the_same_time(self) -> None:
        """Each peer answers only when both have been reached."""
        both = threading.Barrier(2, timeout=10)

        def refuse(listening: socket.socket) -> None:
            connection, _ = listening.accept()
            with connection:
                both.wait()
                connection.sendall(b"554 not today\r\n")
                connection.recv(1)

        with (
            socket.create_server(("127.0.0.1", 0)) as one,
            socket.create_server(("127.0.0.1", 0)) as two,
        ):
            threads = [threading.Thread(target=refuse, args=(listening,)) for listening in (one, two)]
            for thread in threads:
                thread.start()
            targets = [target("ex1", one.getsockname()[1]), target("ex2", two.getsockname()[1])]
            checked = check_endpoints(targets, Authorities(), NOW, lambda event: None)
            for thread in threads:
                thread.join(10)
        assert [one.handshake.problems[0].fault for one in checked] == [Fault.REFUSED, Fault.REFUSED]

    def test_that_are_none_are_none(self) -> None:
        assert check_endpoints([], Authorities(), NOW, lambda event: None) == ()
