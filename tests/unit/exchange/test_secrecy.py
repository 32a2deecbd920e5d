"""Values that must be in no text, and are wiped."""

from __future__ import annotations

import copy
import pickle

import pytest

from reconciler.exchange.port import Command
from reconciler.exchange.secrecy import SecretBytes, SecureString

SECRETS = [SecureString("pa55w0rd"), SecretBytes(b"pa55w0rd")]


@pytest.mark.parametrize("secret", SECRETS, ids=["text", "bytes"])
class TestASecret:
    def test_is_in_no_text(self, secret: SecureString | SecretBytes) -> None:
        command = Command("Import-ExchangeCertificate", {"Password": secret})
        for text in (repr(secret), str(secret), f"{secret}", repr(command)):
            assert "pa55w0rd" not in text

    def test_is_not_stored(self, secret: SecureString | SecretBytes) -> None:
        for store in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError):
                store(secret)


def test_what_is_wiped_is_gone() -> None:
    text, data = SecureString("pa55w0rd"), SecretBytes(b"pa55w0rd")
    assert (text.reveal(), data.reveal()) == ("pa55w0rd", b"pa55w0rd")
    text.wipe()
    data.wipe()
    assert (text.reveal(), data.reveal()) == ("", b"")
