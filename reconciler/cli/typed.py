"""What every command of the command line is made of; nothing of what they do."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, ParamSpec

import typer

from .exit_code import ExitCode

P = ParamSpec("P")


class Chosen(Exception):
    """What the command line asks for, carried out of typer: there it would meet exit codes that are not ours.

    Attributes:
        run: Does it.
    """

    def __init__(self, run: Callable[[], ExitCode]) -> None:
        super().__init__()
        self.run = run


def choose(command: Callable[P, ExitCode], *arguments: P.args, **options: P.kwargs) -> NoReturn:
    raise Chosen(lambda: command(*arguments, **options))


def examples(*lines: str) -> str:
    r"""An epilog that keeps its line ends: \b is click's mark for that."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def application(help: str) -> typer.Typer:
    return typer.Typer(
        help=help,
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # a path or a domain in a help text is not markup
        context_settings={"help_option_names": ["-h", "--help"]},
    )
