"""A report shows forms, never what stands in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.exchange import clixml
from reconciler.exchange.reading.evidence import masked, parameter_names, public_id


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("36 MB (37,748,736 bytes)", "99 AA (99,999,999 aaa+)"),
        ("1.5 MB (1,572,864 bytes)", "9.9 AA (9,999,999 aaa+)"),
        ("[192.0.2.1]", "[999.9.9.9]"),
        ("mail.contoso.com", "aaa+.aaa+.aaa"),
        ("0.0.0.0-255.255.255.255", "9.9.9.9-999.999.999.999"),
        ("Version 15.2 (Build 986.5)", "Aaaa+ 99.9 (Aaaa+ 999.9)"),
    ],
)
def test_a_text_is_its_form(text: str, form: str) -> None:
    assert masked(text) == form


@given(st.text())
def test_no_letter_and_no_digit_of_it_is_left(text: str) -> None:
    """But those that stand for all."""
    left = {character for character in masked(text) if character.isalpha() or character.isdecimal()}
    assert left <= set("aA9")


@pytest.mark.parametrize(
    ("told", "public"),
    [
        (
            "[Server=EX1,RequestId=0f8c,TimeStamp=24.11.2026 09:00:00] [FailureCategory=Cmdlet-"
            "ManagementObjectNotFoundException] 1B2C3D4E,Microsoft.Exchange.Management.GetSendConnector",
            "[FailureCategory=Cmdlet-ManagementObjectNotFoundException],"
            "Microsoft.Exchange.Management.GetSendConnector",
        ),
        ("CommandNotFoundException", "CommandNotFoundException"),
        ("NamedParameterNotFound,Get-SendConnector", "NamedParameterNotFound,Get-SendConnector"),
        ("EX1 refuses,Get", "AA9 aaa+,Get"),
        ("", ""),
    ],
)
def test_an_id_says_neither_who_told_it_nor_when(told: str, public: str) -> None:
    assert public_id(told) == public


def test_the_parameters_of_a_command_are_the_keys_of_a_dictionary() -> None:
    """As PowerShell serializes what Get-Command returns: values are of no interest."""
    keys = "".join(f'<En><S N="Key">{key}</S><S N="Value">x</S></En>' for key in ("Fqdn", "Name"))
    text = f'<Obj RefId="0"><Props><Obj N="Parameters" RefId="1"><DCT>{keys}</DCT></Obj></Props></Obj>'
    [found] = clixml.read(text).values
    assert parameter_names(found) == ("Fqdn", "Name")
