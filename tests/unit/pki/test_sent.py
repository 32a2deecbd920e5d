"""What authorities send, in the forms in which it arrives."""

from __future__ import annotations

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from hypothesis import given
from hypothesis import strategies as st

from reconciler.pki.answer import LONGEST, read_chain
from reconciler.pki.bundle import pkcs7_of
from reconciler.pki.certificate import certificate_facts
from reconciler.pki.problem import Problem, Rule
from reconciler.pki.sent import LARGEST_FILE, NotAnAnswer, read_answer
from tests.authority import (
    NOW,
    Authority,
    der,
    ec_key,
    make_certificate,
    make_request,
    pem,
    private_pem,
    rsa_key,
)

ROOT = Authority.make("Root", key=rsa_key(8))
ISSUING = Authority.make("Issuing", key=rsa_key(9), issuer=ROOT)
LEAF = make_certificate(issuer=ISSUING)
CERTIFICATES = [LEAF, ISSUING.certificate, ROOT.certificate]
CHAIN = pem(*CERTIFICATES)
P7B = pkcs7_of(CHAIN)
KEY = certificate_facts(der(LEAF)).public_key
SECRET = rsa_key(3)


def block(data: bytes, label: bytes) -> bytes:
    """As certutil -encode writes it."""
    return b"-----BEGIN %b-----\r\n%b-----END %b-----\r\n" % (label, base64.encodebytes(data), label)


def why_not(data: bytes) -> Problem:
    with pytest.raises(NotAnAnswer) as caught:
        read_answer(data, KEY)
    return caught.value.problem


def p7b_of(order: list[x509.Certificate], *, endless: bool = False) -> bytes:
    """As openssl crl2pkcs7 writes it, its set as it came; or as BER may be, its lengths told by an end."""

    def made(tag: int, content: bytes) -> bytes:
        if endless and tag != 0x31:
            return bytes([tag, 0x80]) + content + b"\0\0"
        length = len(content).to_bytes(2, "big")
        return (
            bytes([tag, 0x82]) + length + content if length > b"\0\xff" else bytes([tag, length[1]]) + content
        )

    data, signed = (bytes.fromhex(f"06092a864886f70d01070{number}") for number in (1, 2))
    inner = made(0x30, data)
    held = made(0xA0, b"".join(map(der, order)))
    body = made(0x30, b"\x02\x01\x01" + b"\x31\0" + inner + held + b"\x31\0")
    return made(0x30, signed + made(0xA0, body))


WHOLE = {
    "PEM": CHAIN.encode(),
    "PEM with line ends of Windows": CHAIN.replace("\n", "\r\n").encode(),
    "PEM with a byte order mark": b"\xef\xbb\xbf" + CHAIN.encode(),
    "PEM in UTF-16": CHAIN.encode("utf-16"),
    "PEM in UTF-16 without a mark": CHAIN.encode("utf-16-le"),
    "PEM in UTF-16, the other way round": CHAIN.encode("utf-16-be"),
    "PEM in a mail": b"Gr\xfc\xdfe\r\nyour certificate:\r\n" + CHAIN.encode() + b"\r\n-- \r\nsales",
    "PEM twice": CHAIN.encode() * 2,
    "PEM, each in a block of its own kind": b"".join(
        block(der(one), label)
        for one, label in zip(CERTIFICATES, (b"X509 CERTIFICATE", b"PKCS7", b"CERTIFICATE"), strict=True)
    ),
    "PKCS#7": P7B,
    "PKCS#7 of openssl": p7b_of(CERTIFICATES),
    "PKCS#7 of openssl, the other way round": p7b_of(CERTIFICATES[::-1]),
    "PKCS#7 in BER": p7b_of(CERTIFICATES, endless=True),
    "PKCS#7 as text": block(P7B, b"PKCS7"),
    "PKCS#7 as the web pages of AD CS write it": block(P7B, b"CERTIFICATE"),
    "PKCS#7 in base64 alone": base64.b64encode(P7B),
}


class TestAnAnswer:
    @pytest.mark.parametrize("data", WHOLE.values(), ids=WHOLE)
    def test_is_read_in_every_form(self, data: bytes) -> None:
        assert read_answer(data, KEY) == CHAIN

    @pytest.mark.parametrize("data", [der(LEAF), base64.encodebytes(der(LEAF))], ids=["DER", "base64 alone"])
    def test_may_be_one_certificate(self, data: bytes) -> None:
        assert read_answer(data, KEY) == pem(LEAF)

    @given(st.permutations(CERTIFICATES))
    def test_is_sorted(self, order: list[object]) -> None:
        assert read_answer(pem(*order).encode(), KEY) == CHAIN

    def test_of_several_for_the_key_is_the_one_that_lives_longest(self) -> None:
        older = make_certificate(issuer=ISSUING, not_after=NOW.replace(year=NOW.year + 1, month=1))
        newer = make_certificate(issuer=ISSUING, not_after=NOW.replace(year=NOW.year + 1, month=2))
        assert read_answer(pem(older, newer).encode(), KEY) == pem(newer)

    def test_may_bring_a_cross_certificate_which_is_left_out(self) -> None:
        """The root, once signed by itself and once by an older root: both are right, a chain has one."""
        elder = Authority.make("Elder", key=rsa_key(7))
        cross = Authority.make("Root", key=rsa_key(8), issuer=elder)
        sent = pem(LEAF, ISSUING.certificate, ROOT.certificate, cross.certificate, elder.certificate)
        assert read_answer(sent.encode(), KEY) == CHAIN

    def test_may_not_bring_what_does_not_belong_to_it(self) -> None:
        """The wrong intermediate from the authority's download page is told, not thrown away."""
        other = Authority.make("Other", key=rsa_key(6))
        assert why_not(pem(LEAF, other.certificate).encode()) == Problem(Rule.STRAY, "CN=Other")
        assert why_not(pem(LEAF, ROOT.certificate).encode()) == Problem(Rule.STRAY, "CN=Root")

    def test_of_somebody_else_is_told(self) -> None:
        other = make_certificate(key=rsa_key(1), issuer=ISSUING)
        assert why_not(pem(other, ISSUING.certificate).encode()) == Problem(Rule.OTHER_KEY)


PRIVATE = {
    "PEM": private_pem(SECRET),
    "PEM, encrypted": private_pem(SECRET, b"passphrase"),
    "PEM beside the certificate": CHAIN.encode() + private_pem(SECRET),
    "PEM in UTF-16": private_pem(SECRET).decode().encode("utf-16"),
    "PKCS#8": SECRET.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
    "PKCS#8, encrypted": SECRET.private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"passphrase")
    ),
    "PKCS#1": SECRET.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
    "SEC 1": ec_key().private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
    "base64 alone": base64.b64encode(SECRET.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())),
}


class TestWhatIsNoAnswer:
    @pytest.mark.parametrize("data", PRIVATE.values(), ids=PRIVATE)
    def test_a_private_key_is_told_as_one(self, data: bytes) -> None:
        assert why_not(data) == Problem(Rule.PRIVATE_KEY)

    def test_a_key_with_its_certificate_is_told_as_such(self) -> None:
        data = pkcs12.serialize_key_and_certificates(
            b"x", rsa_key(), LEAF, [], BestAvailableEncryption(b"passphrase")
        )
        assert why_not(data) == Problem(Rule.PKCS12)

    @pytest.mark.parametrize(
        "data",
        [
            CHAIN.encode()[:-400],
            CHAIN.encode()[:-30],
            pem(LEAF).encode()[:200],
            pem(LEAF).encode()[40:],
            der(LEAF)[:500],
            P7B[:1500],
            base64.encodebytes(der(LEAF))[:400],
        ],
        ids=["last of three", "the last line", "the first", "its beginning", "DER", "PKCS#7", "base64"],
    )
    def test_what_is_cut_off_is_told(self, data: bytes) -> None:
        """A download that broke: what is whole of it is not taken."""
        assert why_not(data).rule is Rule.CUT_OFF

    @pytest.mark.parametrize(
        ("data", "title"),
        [
            (b"<!DOCTYPE html>\n<html><head><title>503\r\n Service\x07</title>", '"503 Service"'),
            (b"\n <HTML><BODY>sign in</BODY></HTML>", '""'),
            (b'<?xml version="1.0"?><html xmlns="x">', '""'),
        ],
    )
    def test_a_web_page_is_told_with_its_title(self, data: bytes, title: str) -> None:
        assert why_not(data) == Problem(Rule.WEB_PAGE, title)

    @pytest.mark.parametrize("data", [pem(make_request()).encode(), der(make_request())], ids=["PEM", "DER"])
    def test_the_request_itself_is_told(self, data: bytes) -> None:
        assert why_not(data) == Problem(Rule.REQUEST)

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\n",
            b"0",
            b"\0\0",
            b"\xff\xfe",
            b"Your order is being processed.",
            b'{"status": "pending"}',
            b"PK\x03\x04",
            b"x" * (LARGEST_FILE + 1),
            block(b"\x30\x00", b"CERTIFICATE"),
            b"\x30\x80\x00\x00",
        ],
    )
    def test_anything_else_is_told(self, data: bytes) -> None:
        assert why_not(data).rule is Rule.UNREADABLE

    def test_too_many_certificates_are_told(self) -> None:
        many = [make_certificate(issuer=ISSUING) for _ in range(LONGEST + 1)]
        assert why_not(pem(*many).encode()).rule is Rule.UNREADABLE


@given(st.binary(max_size=200))
def test_garbage_is_told(data: bytes) -> None:
    assert str(why_not(data))


@given(st.sampled_from([*WHOLE.values(), *PRIVATE.values()]), st.integers(0), st.integers(0, 255))
def test_a_byte_that_changed_is_told_or_does_not_matter(data: bytes, place: int, value: int) -> None:
    place %= len(data)
    damaged = data[:place] + bytes([value]) + data[place + 1 :]
    try:
        chain = read_answer(damaged, KEY)
    except NotAnAnswer as error:
        told = str(error)
    else:
        told = chain
        assert read_chain(chain)[0].public_key == KEY
        assert read_answer(chain.encode(), KEY) == chain
    assert told
    assert secret_of(told) is None


def secret_of(text: str) -> str | None:
    """The first piece of the private key in a text; what every key begins with is none."""
    body = "".join(private_pem(SECRET).decode().splitlines()[2:-1])
    pieces = [body[at : at + 12] for at in range(0, len(body) - 12, 4)]
    return next((piece for piece in pieces if piece in text), None)


def test_a_chain_of_the_longest_length_is_sorted() -> None:
    authorities = [ROOT]
    for number in range(LONGEST - 2):
        authorities.append(Authority.make(f"CA {number}", key=rsa_key(9), issuer=authorities[-1]))
    leaf = make_certificate(issuer=authorities[-1])
    chain = [leaf, *(one.certificate for one in reversed(authorities))]
    assert read_answer(pem(*reversed(chain)).encode(), KEY) == pem(*chain)


def test_what_is_handed_to_windows_holds_each_certificate_once() -> None:
    """PKCS#7 has no order: it is a set of bytes, sorted (RFC 5652 5.1). A root that came stays in it."""
    assert read_answer(pkcs7_of(pem(*reversed(CERTIFICATES))), KEY) == CHAIN
    assert pkcs7_of(pem(*reversed(CERTIFICATES))) == P7B
