"""A small authoritative name server on loopback that takes signed updates, for tests."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tsig

TSIG = "reconciler."
SECRET = "cmVjb25jaWxlcidzIGtleQ=="


class NameServer:
    """Every name is at 127.0.0.1; TXT records are what updates made them.

    Attributes:
        added: How many records were added.
    """

    def __init__(self, zone: str) -> None:
        self.zone = dns.name.from_text(zone)
        self.key = dns.tsig.Key(TSIG, SECRET, "hmac-sha256")
        self.port = 0
        self.added = 0
        self._texts: dict[dns.name.Name, list[Any]] = {}
        self._lock = threading.Lock()

    def texts(self) -> dict[dns.name.Name, list[Any]]:
        with self._lock:
            return {name: records for name, records in self._texts.items() if records}

    def answer(self, data: bytes) -> bytes:
        try:
            message = dns.message.from_wire(data, keyring={self.key.name: self.key})
        except dns.tsig.BadSignature:
            refusal = dns.message.from_wire(data, keyring=False)
            response = dns.message.make_response(refusal)
            response.tsig = None
            response.set_rcode(dns.rcode.NOTAUTH)
            return response.to_wire()
        response = dns.message.make_response(message)
        response.flags |= dns.flags.AA
        if message.opcode() == dns.opcode.UPDATE:
            response.set_rcode(self._update(message))
        else:
            question = message.question[0]
            response.answer += self._found(question.name, question.rdtype)
        return response.to_wire()

    def _update(self, message: dns.message.Message) -> dns.rcode.Rcode:
        if not message.had_tsig:
            return dns.rcode.REFUSED
        with self._lock:
            for change in message.sections[2]:
                records = self._texts.setdefault(change.name, [])
                for record in change:
                    if change.deleting == dns.rdataclass.NONE:
                        records.remove(record)
                    else:
                        records.append(record)
                        self.added += 1
        return dns.rcode.NOERROR

    def _found(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> list[dns.rrset.RRset]:
        if kind == dns.rdatatype.A:
            return [dns.rrset.from_text(name, 1, "IN", "A", "127.0.0.1")]
        if kind == dns.rdatatype.TXT and (records := self.texts().get(name.canonicalize())):
            return [dns.rrset.from_rdata_list(name, 1, records)]
        return []


@contextmanager
def name_server(zone: str) -> Iterator[NameServer]:
    """Run one for a while, by TCP and UDP at one port."""
    server = NameServer(zone)

    class Stream(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(5)
            with suppress(OSError, dns.exception.DNSException):
                length = int.from_bytes(self.request.recv(2), "big")
                data = b""
                while len(data) < length and (part := self.request.recv(length - len(data))):
                    data += part
                answer = server.answer(data)
                self.request.sendall(len(answer).to_bytes(2, "big") + answer)

    class Datagram(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, socket = self.request
            socket.sendto(server.answer(data), self.client_address)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Stream) as streams:
        server.port = streams.server_address[1]
        with socketserver.ThreadingUDPServer(("127.0.0.1", server.port), Datagram) as datagrams:
            threads = [threading.Thread(target=one.serve_forever) for one in (streams, datagrams)]
            for thread in threads:
                thread.start()
            try:
                yield server
            finally:
                streams.shutdown()
                datagrams.shutdown()
                for thread in threads:
                    thread.join()
