"""What a program that is an issuer is told, and what becomes of what it says."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.issuers.command import CommandIssuer
from reconciler.issuers.port import CertificateRequest, Issued, IssuerUnusable, RequestRefused, Waiting
from state.address import Address
from state.values import DomainPattern
from tests.authority import Authority, common_name, make_certificate, make_request, pem, rsa_key

NAMES = ("mail1.contoso.com", "mail2.contoso.com")
CSR = pem(make_request(common_name(NAMES[0]), NAMES))
REQUEST = CertificateRequest(
    Address.of("certificate", "EX1", "internet"),
    CSR,
    frozenset(map(DomainPattern, NAMES)),
    reference="order 7",
)


def issuer(folder: Path, program: str, timeout: timedelta = timedelta(seconds=60)) -> CommandIssuer:
    return CommandIssuer.open("program", [sys.executable, "-c", program], folder, timeout)


def refusal(folder: Path, program: str) -> RequestRefused:
    with pytest.raises(RequestRefused) as caught:
        issuer(folder, program).issue(REQUEST)
    assert caught.value.reason.isprintable()
    assert caught.value.hint
    return caught.value


def test_is_told_of_the_request_and_runs_in_its_folder(tmp_path: Path) -> None:
    program = """
import os, sys
told = [os.environ["RECONCILER_" + name] for name in ("ADDRESS", "NAMES", "REFERENCE")]
open("told", "w").write("\\n".join([*told, sys.stdin.read()]))
sys.exit(75)
"""
    issuer(tmp_path, program).issue(REQUEST)
    told = (tmp_path / "told").read_text().split("\n", 3)
    assert told[:3] == ["certificate.EX1.internet", "mail1.contoso.com,mail2.contoso.com", "order 7"]
    assert told[3].split() == CSR.split()


def test_answers_with_what_it_printed(tmp_path: Path) -> None:
    root = Authority.make()
    (tmp_path / "chain.pem").write_text(pem(make_certificate(issuer=root)) + root.pem)
    said = issuer(tmp_path, "print(open('chain.pem').read())").issue(REQUEST)
    assert isinstance(said, Issued)
    assert said.chain.count("BEGIN CERTIFICATE") == 2


def test_that_waits_keeps_its_reference_where_it_gives_no_other(tmp_path: Path) -> None:
    said = issuer(tmp_path, "import sys; sys.exit(75)").issue(REQUEST)
    assert said == Waiting("order 7", "the program says: not yet")
    program = "import sys; print('order 8\\nmore'); print('in line\\nmore', file=sys.stderr); sys.exit(75)"
    assert issuer(tmp_path, program).issue(REQUEST) == Waiting("order 8", "in line")


def test_that_fails_is_quoted_within_bounds(tmp_path: Path) -> None:
    loud = "import sys; print('no\\x1b[31m such\\nrole ' + 'x' * 100000, file=sys.stderr); sys.exit(3)"
    told = refusal(tmp_path, loud).reason
    assert "ended with status 3" in told
    assert "role" in told
    assert len(told) < 1000
    assert "said nothing" in refusal(tmp_path, "raise SystemExit(3)").reason


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
def test_that_is_killed_is_told_by_how(tmp_path: Path) -> None:
    assert "was killed by SIGKILL" in refusal(tmp_path, "import os; os.kill(os.getpid(), 9)").reason


def test_that_prints_words_gave_neither_form(tmp_path: Path) -> None:
    """They may well be base64 of something."""
    assert "neither PEM nor DER" in refusal(tmp_path, "print('hello world')").reason


@pytest.mark.parametrize(
    ("key", "text"),
    [(3, None), (0, "<html><title>Sign in</title></html>"), (0, "")],
    ids=["a stray", "html", ""],
)
def test_that_prints_something_else_has_not_answered(tmp_path: Path, key: int, text: str | None) -> None:
    """Status 0 is no proof."""
    stray = pem(make_certificate(key=rsa_key(key), issuer=Authority.make()))
    (tmp_path / "answer").write_text(stray if text is None else text)
    assert "is not the answer" in refusal(tmp_path, "print(open('answer').read())").reason


def test_that_does_not_read_the_request_is_not_wrong_for_that(tmp_path: Path) -> None:
    said = issuer(tmp_path, "import os, sys; os.close(0); sys.exit(75)").issue(REQUEST)
    assert isinstance(said, Waiting)


def test_that_takes_too_long_or_prints_without_end_is_ended(tmp_path: Path) -> None:
    slow = issuer(tmp_path, "import time; time.sleep(60)", timedelta(seconds=0.3))
    with pytest.raises(RequestRefused, match=r"over 0\.3 seconds"):
        slow.issue(REQUEST)
    assert "it printed over" in refusal(tmp_path, "while True: print('x' * 10000)").reason


def test_that_is_not_there_is_told_without_its_arguments(tmp_path: Path) -> None:
    with pytest.raises(IssuerUnusable, match=r'no program "\./issue\.sh"') as caught:
        CommandIssuer.open("program", ["./issue.sh", "--token=secret"], tmp_path)
    assert "secret" not in str(caught.value)
