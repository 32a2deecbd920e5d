"""A secret with a path, for as long as a library needs one."""

from __future__ import annotations

import stat
import sys
from contextlib import suppress

import pytest

from reconciler.credentials.private_file import lent, lent_on_disk


@pytest.mark.parametrize("lend", [lent, lent_on_disk])
def test_it_can_be_read_by_its_path_and_then_no_more(lend: object) -> None:
    assert callable(lend)
    with lend(b"s3cret") as path:
        assert path.read_bytes() == b"s3cret"
    assert not path.exists()


@pytest.mark.parametrize("lend", [lent, lent_on_disk])
def test_it_goes_when_the_library_fails(lend: object) -> None:
    assert callable(lend)
    with suppress(ZeroDivisionError), lend(b"s3cret") as path:
        1 / 0  # noqa: B018
    assert not path.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no mode bits")
def test_on_a_disk_its_owner_alone_can_read_it() -> None:
    with lent_on_disk(b"s3cret") as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has files that are on no disk")
def test_on_linux_it_is_on_no_disk() -> None:
    with lent(b"s3cret") as path:
        assert "memfd:lent" in str(path.readlink())
