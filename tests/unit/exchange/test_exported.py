"""What comes back from Export-ExchangeCertificate -BinaryEncoded."""

from __future__ import annotations

import base64

import pytest

from reconciler.exchange import clixml
from reconciler.exchange.reading import read_file_data

DATA = b"0\x82 something"
TEXT = base64.b64encode(DATA).decode()


@pytest.mark.parametrize(
    "xml",
    [
        f'<Obj RefId="0"><Props><BA N="FileData">{TEXT}</BA></Props></Obj>',
        f"<BA>{TEXT}</BA>",
        f"<S>{TEXT[:8]}_x000D__x000A_{TEXT[8:]}</S>",
        f'<Objs Version="1.1.0.1"><S>a warning, perhaps</S><BA>{TEXT}</BA></Objs>',
    ],
    ids=["FileData", "bytes", "base64", "among others"],
)
def test_is_taken_in_every_form(xml: str) -> None:
    assert read_file_data(clixml.read(xml).values) == DATA


@pytest.mark.parametrize(
    "xml",
    [
        '<Obj RefId="0"><Props><Nil N="FileData" /></Props></Obj>',
        '<Obj RefId="0"><Props><S N="FileData">text</S></Props></Obj>',
        '<Obj RefId="0"><Props><S N="Other">text</S></Props></Obj>',
        "<S>no base64!</S>",
        "<BA></BA>",
        "<Nil />",
    ],
)
def test_is_nothing_where_there_are_no_bytes(xml: str) -> None:
    assert read_file_data(clixml.read(xml).values) is None
