"""Asking DNS for TLSA records, of a real small server on loopback."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Thread

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from reconciler.plan.tlsa import TlsaRecord
from reconciler.verify.tlsa import look_up

NAME = "_25._tcp.mail.contoso.com"
KEY, AUTHORITY = "ab" * 32, "cd" * 32
Answer = Callable[[dns.message.Message], None]


@contextmanager
def server(answer: Answer | None) -> Iterator[tuple[str, int]]:
    """A name server: what ``answer`` does to each answer; None: it never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind(("127.0.0.1", 0))
        own.settimeout(10)

        def serve() -> None:
            while True:
                data, peer = own.recvfrom(4096)
                if data == b"end":
                    return
                if answer is None:
                    continue
                response = dns.message.make_response(dns.message.from_wire(data))
                answer(response)
                own.sendto(response.to_wire(), peer)

        serving = Thread(target=serve)
        serving.start()
        host, port = own.getsockname()
        try:
            yield host, port
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.sendto(b"end", (host, port))
            serving.join()


def with_records(ttl: int, *more: str, authoritative: bool = False) -> Answer:
    def answer(response: dns.message.Message) -> None:
        response.answer.append(
            dns.rrset.from_text(f"{NAME}.", ttl, "IN", "TLSA", f"3 1 1 {KEY.upper()}", f"2 0 1 {AUTHORITY}")
        )
        response.answer.extend(dns.rrset.from_text(f"{NAME}.", ttl, "IN", "RRSIG", one) for one in more)
        if authoritative:
            response.flags |= dns.flags.AA

    return answer


def failing(code: dns.rcode.Rcode) -> Answer:
    return lambda response: response.set_rcode(code)


class TestAnAnswer:
    def test_holds_the_records(self) -> None:
        with server(with_records(7200)) as resolver:
            found = look_up([NAME], resolver)[NAME]
        assert set(found.records) == {TlsaRecord(3, 1, 1, KEY), TlsaRecord(2, 0, 1, AUTHORITY)}
        assert found.ttl == timedelta(hours=2)
        assert not found.unknown

    def test_that_is_signed_tells_the_ttl_as_it_was_published(self) -> None:
        """A cache tells what is left of it; the signature keeps the whole (RFC 4034 3.1.4)."""
        signature = f"TLSA 13 5 86400 20270101000000 20261201000000 1 {NAME}. AAAA"
        with server(with_records(17, signature)) as resolver:
            assert look_up([NAME], resolver)[NAME].ttl == timedelta(days=1)

    @pytest.mark.parametrize(("authoritative", "seconds"), [(True, 60), (False, 3600)])
    def test_of_a_cache_is_not_taken_at_its_word(self, authoritative: bool, seconds: int) -> None:
        with server(with_records(60, authoritative=authoritative)) as resolver:
            assert look_up([NAME], resolver)[NAME].ttl == timedelta(seconds=seconds)

    @pytest.mark.parametrize("code", [dns.rcode.NXDOMAIN, dns.rcode.NOERROR])
    def test_that_there_is_none_is_known(self, code: dns.rcode.Rcode) -> None:
        with server(failing(code)) as resolver:
            found = look_up([NAME], resolver)[NAME]
        assert (found.records, found.unknown) == ((), "")


class TestNoAnswer:
    @pytest.mark.parametrize("code", [dns.rcode.SERVFAIL, dns.rcode.REFUSED])
    def test_is_not_known(self, code: dns.rcode.Rcode) -> None:
        """A resolver that finds a signature wrong says SERVFAIL: that is not "none"."""
        with server(failing(code)) as resolver:
            found = look_up([NAME], resolver, seconds=1)[NAME]
        assert dns.rcode.to_text(code) in found.unknown

    def test_is_waited_for_a_moment(self) -> None:
        with server(None) as resolver:
            found = look_up([NAME], resolver, seconds=0.2)[NAME]
        assert "timed out" in found.unknown or "lifetime" in found.unknown
