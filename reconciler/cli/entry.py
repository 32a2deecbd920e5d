"""The way in and the way out: one exit code for whatever happens."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from .app import Ended, app, own_words
from .exit_code import ExitCode
from .signals import ended_politely

_USAGE = 2
"""What typer exits with on wrong usage; here that is 1, for 2 means changes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Without the program's name; None for those of the process.

    Returns:
        The exit code. Nothing is raised.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with ended_politely():
            app(given, prog_name="reconciler")
    except Ended as end:
        return end.code
    except SystemExit as exit:
        return ExitCode.ERROR if exit.code == _USAGE else int(exit.code or 0)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last line of defence: a bug is told, not shown
        from .failure import tell  # lazy, as in .app: most runs do not fail

        return tell(error, given, own_words())
    return ExitCode.DONE
