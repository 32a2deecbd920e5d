"""What is installed from the built distribution, somewhere else than in the checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the wheel was unpacked into. Built without a network: the builder is a dev dependency."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for package in ("reconciler", "state"):
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source)],
        check=True,
        capture_output=True,
        cwd=folder,
    )
    [wheel] = folder.glob("exchange_tls_reconciler-*.whl")
    target = folder / "site"
    subprocess.run([*pip, "install", "--no-deps", "--target", str(target), str(wheel)], check=True)
    return target


class TestTheWheel:
    def test_holds_both_packages(self, installed: Path) -> None:
        program = (
            "import sys; sys.path.insert(0, sys.argv[1])\n"
            "import reconciler.cli, reconciler.lab.exchange, state.testing\n"
            "assert all(module.__file__.startswith(sys.argv[1])\n"
            "    for module in (reconciler.cli, reconciler.lab.exchange, state.testing))\n"
        )
        subprocess.run(
            [sys.executable, "-I", "-c", program, str(installed)], check=True, cwd=installed.parent
        )

    def test_holds_the_data_that_the_lab_reads(self, installed: Path) -> None:
        assert (installed / "reconciler" / "lab" / "exchange" / "cmdlets.json").is_file()

    def test_says_that_it_is_typed(self, installed: Path) -> None:
        assert (installed / "reconciler" / "py.typed").is_file()
        assert (installed / "state" / "py.typed").is_file()

    def test_brings_no_tests(self, installed: Path) -> None:
        assert not (installed / "tests").exists()
