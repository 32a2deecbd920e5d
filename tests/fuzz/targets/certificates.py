"""What authorities and servers hand over: requests, certificates, chains; and what stands at port 25."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from reconciler.pki.answer import check_answer, read_chain
from reconciler.pki.answer_problems import wrong_answer
from reconciler.pki.bought import read_bought
from reconciler.pki.bundle import pkcs7_of
from reconciler.pki.certificate import NotACertificate, certificate_facts
from reconciler.pki.pkcs12 import is_read_by_every_windows, why_not_pkcs12
from reconciler.pki.problem import Problem, Rule
from reconciler.pki.request import NotARequest, check_request, parse_request
from reconciler.pki.sent import NotAnAnswer, read_answer
from reconciler.verify.chain import Authorities, judge_chain
from reconciler.verify.starttls import Fault, Handshake, shake_hands
from state.address import Address
from state.resources import Certificate
from state.values import DomainPattern, Fqdn
from tests.authority import NOW, Authority, der, ec_key, make_certificate, make_request, pem, rsa_key
from tests.fuzz.target import CUT, Target, refused

_ASKED = Certificate(
    subject="C=US, O=Contoso Ltd, CN=mail1.contoso.com",
    domains=frozenset({DomainPattern("mail1.contoso.com")}),
    key_size=2048,
)
_ODD_NAMES: list[str | x509.GeneralName] = [
    "mail1.contoso.com",
    "*.contoso.com",
    x509.IPAddress(ip_address("192.0.2.1")),
]


def _requests() -> Sequence[bytes]:
    plain = make_request()
    return [der(plain), der(make_request(domains=_ODD_NAMES, key=ec_key())), pem(plain).encode()]


def _request(data: bytes, folder: Path) -> bool:
    problems = check_request(data, _ASKED)
    assert all(str(problem) for problem in problems)
    try:
        facts = parse_request(data)
    except NotARequest as error:
        _is_told(problems)
        return refused(error)
    assert parse_request(facts.pem).public_key == facts.public_key
    return True


def _is_told(problems: Sequence[Problem]) -> None:
    assert [problem.rule for problem in problems] == [Rule.UNREADABLE]


def _certificates() -> Sequence[bytes]:
    authority = Authority.make()
    return [
        der(make_certificate(issuer=authority)),
        der(make_certificate(domains=_ODD_NAMES, key=ec_key())),
        der(authority.certificate),
    ]


def _certificate(data: bytes, folder: Path) -> bool:
    try:
        facts = certificate_facts(data)
    except NotACertificate as error:
        return refused(error)
    assert str(facts.tls_certificate_name).startswith("<I>")
    return True


@cache
def _root() -> Authority:
    return Authority.make("Root")


def _chains() -> Sequence[bytes]:
    root = _root()
    issuing = Authority.make("Issuing", issuer=root)
    chain = pem(make_certificate(issuer=issuing), issuing.certificate, root.certificate)
    return [chain.encode(), pem(make_certificate()).encode()]


def _chain(data: bytes, folder: Path) -> bool:
    text = data.decode("utf-8", "replace")
    problems = check_answer(text, "0" * 64, _ASKED, NOW)
    assert problems
    try:
        leaf = read_chain(text)[0]
    except NotACertificate as error:
        return refused(error)
    if not check_answer(text, leaf.public_key, _ASKED, NOW):
        assert pkcs7_of(text)
    sent = [der(one) for one in x509.load_pem_x509_certificates(text.encode("utf-8", "replace"))]
    problem = judge_chain(sent, Authorities((_root().certificate,)), NOW)
    assert problem is None or problem.reason
    return True


def _answers() -> Sequence[bytes]:
    """All are for the same key; the last is a certificate by itself."""
    chain = _chains()[0]
    text = chain.decode()
    return [chain, b"Dear customer,\r\n" + chain, text.encode("utf-16"), pkcs7_of(text), _LEAF]


def _answer(data: bytes, folder: Path) -> bool:
    key = certificate_facts(_LEAF).public_key
    try:
        chain = read_answer(data, key)
    except NotAnAnswer as error:
        _is_explained(error.problem)
        return refused(error)
    assert read_chain(chain)[0].public_key == key
    assert read_answer(chain.encode(), key) == chain
    return True


def _is_explained(problem: Problem) -> None:
    told = wrong_answer(_ADDRESS, "issuer desk", [problem])
    assert told.hint
    assert str(problem) in told.detail


@cache
def _exported() -> bytes:
    return pkcs12.serialize_key_and_certificates(
        b"mail", rsa_key(), make_certificate(), None, BestAvailableEncryption(_PASSWORD.encode())
    )


def _pkcs12s() -> Sequence[bytes]:
    return [_exported()]


def _pkcs12(data: bytes, folder: Path) -> bool:
    """What a server exports is looked at from outside, what was bought is opened."""
    is_carried = not why_not_pkcs12(data)
    assert is_carried or not is_read_by_every_windows(data)
    try:
        chain = read_bought(data, _PASSWORD).chain
    except NotAnAnswer as error:
        _is_explained(error.problem)
        return refused(error, _PASSWORD) or is_carried
    assert "PRIVATE" not in chain
    return True


_PASSWORD = "only for this file"
_ADDRESS = Address.of("certificate", "EX1", "internet")
_LEAF = der(make_certificate())


def _dialogues() -> Sequence[bytes]:
    greeting = b"220 mail.contoso.com Microsoft ESMTP MAIL Service ready\r\n"
    extensions = (
        b"250-mail.contoso.com Hello [127.0.0.1]\r\n250-SIZE 37748736\r\n250-STARTTLS\r\n250 CHUNKING\r\n"
    )
    return [
        CUT.join([greeting, extensions, b"220 2.0.0 SMTP server ready\r\n", b"no handshake\r\n"]),
        CUT.join([greeting, b"250 mail.contoso.com\r\n"]),
        b"554 5.7.1 go away\r\n",
    ]


def _smtp(data: bytes, folder: Path) -> bool:
    """A peer that says one part, waits for a line, says the next, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def answer() -> None:
            with suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    connection.settimeout(5)
                    *parts, last = data.split(CUT)
                    for part in parts:
                        connection.sendall(part)
                        if not connection.recv(4096):
                            return
                    connection.sendall(last)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(4096):
                        pass

        thread = threading.Thread(target=answer)
        thread.start()
        port = listener.getsockname()[1]
        try:
            seen = shake_hands(
                "127.0.0.1", port, Fqdn("mail.contoso.com"), Authorities(), NOW, seconds=_PATIENCE
            )
        finally:
            thread.join()
    assert isinstance(seen, Handshake)
    assert seen.problems
    assert all(str(problem).isprintable() for problem in seen.problems)
    return any(problem.fault is Fault.TLS_FAILED for problem in seen.problems)


_PATIENCE = 0.05
"""Seconds: where both wait for the other to speak, nothing else ends it."""
_DER_WORDS = (
    *(
        b"\x30\x80",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x06\x03\x55\x1d\x11",
        b"\x06\x03\x55\x04\x03",
        b"\x1e\x02\xd8\x00",
    ),
    *(
        b"\x0c\x00",
        b"\x17\x0d991231235959Z",
        b"\x18\x0f99991231235959Z",
        b"\x02\x01\x02",
        b"\x82\x01a",
        b"\xa0\x03",
    ),
)

TARGETS = (
    Target("request", _requests, _request, _DER_WORDS),
    Target("certificate", _certificates, _certificate, _DER_WORDS),
    Target("chain", _chains, _chain, (b"-----BEGIN CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n")),
    Target("answer", _answers, _answer, (b"-----BEGIN CERTIFICATE-----\n", b"PKCS7", *_DER_WORDS)),
    Target("pkcs12", _pkcs12s, _pkcs12, _DER_WORDS),
    Target("smtp", _dialogues, _smtp, (CUT, b"250-", b"250 ", b"STARTTLS", b"\r\n", b"220 ", b"\xff")),
)
