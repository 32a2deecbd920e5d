"""What the command line says of itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.cli import main

COMMANDS = (
    ["validate"],
    ["plan"],
    ["apply"],
    ["verify"],
    ["doctor"],
    ["import"],
    ["audit"],
    ["certificates"],
    ["explain"],
    ["show"],
    ["schema"],
    ["version"],
    ["lab", "up"],
    ["lab", "down"],
    ["lab", "status"],
)


def listed(help_text: str) -> set[str]:
    """The names under ``Commands:``."""
    return {line.split()[0] for line in help_text.partition("Commands:\n")[2].splitlines() if line.strip()}


class TestHelp:
    def test_lists_every_command(self, capsys: pytest.CaptureFixture[str]) -> None:
        """And no other: what is not delivered appears in no help text."""
        assert main(["--help"]) == 0
        assert listed(capsys.readouterr().out) == {words[0] for words in COMMANDS}
        assert main(["lab", "--help"]) == 0
        assert listed(capsys.readouterr().out) == {words[1] for words in COMMANDS if words[0] == "lab"}

    @pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
    def test_has_examples_of_its_command(
        self, command: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main([*command, "--help"]) == 0
        text = capsys.readouterr().out
        assert f"reconciler {' '.join(command)}" in text.partition("Examples:\n")[2]

    @pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
    def test_has_no_colour_and_no_frame_when_piped(
        self, command: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        main([*command, "--help"])
        assert capsys.readouterr().out.isascii()


class TestWrongUsage:
    @pytest.mark.parametrize(
        "arguments",
        [[], ["plan"], ["plan", "--nope", "x"], ["nope"], ["schema", "nope"], ["lab", "up"], ["lab"]],
        ids=" ".join,
    )
    def test_exits_with_1(self, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        """2 would tell a pipeline that there are changes."""
        assert main(arguments) == 1
        printed = capsys.readouterr()
        assert "Usage: reconciler" in printed.out + printed.err


class TestStartUp:
    def test_of_version_loads_no_room(self) -> None:
        """Nothing of ours but the command line; none of the libraries that take their time."""
        program = (
            "import sys; from reconciler.cli import main; main(['version']);"
            "print(*sorted(name for name in sys.modules if '.' not in name or name.startswith('reconciler')))"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        version, loaded = done.stdout.splitlines()
        assert version.startswith("reconciler ")
        modules = set(loaded.split())
        assert not modules & {
            "state",
            "cryptography",
            "pypsrp",
            "deepdiff",
            "ruamel",
            "rich",
            "requests",
            "aiohttp",
        }
        assert {name.split(".")[1] for name in modules if name.startswith("reconciler.")} == {"cli"}

    def test_of_validate_loads_nothing_that_connects_or_signs(self) -> None:
        """Editors and commit hooks run it at every change."""
        program = (
            "import sys; from reconciler.cli import main; code = main(sys.argv[1:]);"
            "print(*(name for name in sys.modules if '.' not in name)); sys.exit(code)"
        )
        example = Path(__file__).parents[3] / "examples" / "contoso"
        done = subprocess.run(
            [sys.executable, "-c", program, "validate", str(example)],
            capture_output=True,
            text=True,
            check=True,
        )
        modules = set(done.stdout.splitlines()[-1].split())
        assert "pydantic" in modules, "what is looked for below would be found here"
        assert not modules & {"cryptography", "pypsrp", "deepdiff", "requests", "aiohttp", "rich", "filelock"}
