"""The way in and the way out: one exit code for whatever happens."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from .app import app, own_words
from .exit_code import ExitCode
from .signals import ended_politely
from .streams import no_stream_missing
from .typed import Chosen

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
    with no_stream_missing():
        try:
            with ended_politely():
                return _chosen(given)()
        except SystemExit as exit:
            return ExitCode.ERROR if exit.code == _USAGE else int(exit.code or 0)
        except KeyboardInterrupt:
            from .console import Console  # lazy, as in .app: most runs are not interrupted

            Console.of_this_process().err("\nInterrupted: nothing was changed.\n")
            return ExitCode.INTERRUPTED
        except Exception as error:  # noqa: BLE001 - the last line of defence: a bug is told, not shown
            from .failure import tell  # lazy, as in .app: most runs do not fail

            return tell(error, given, own_words())


def _chosen(arguments: Sequence[str]) -> Callable[[], ExitCode]:
    """The command that is asked for, ready to run.

    Raises:
        SystemExit: typer has done everything: printed help or the version, or told of wrong usage.
        OutputLost: it could not print that.
    """
    try:
        sys.exit(app(list(arguments), prog_name="reconciler"))
    except Chosen as chosen:
        return chosen.run
    except OSError as error:  # no command has run yet, and typer touches nothing but the streams
        from .console import output_lost  # lazy, as in .app: most output arrives

        raise output_lost(sys.stdout, error) from error
