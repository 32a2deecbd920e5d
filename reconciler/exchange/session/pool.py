"""One runspace pool on one server: open, pipelines of whole statements, close. For one thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from pypsrp.complex_objects import PSCredential, PSInvocationState
from pypsrp.exceptions import WSManFaultError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.serializer import TaggedValue

from reconciler.exchange import clixml
from reconciler.exchange.errors import ErrorRecord, ExchangeError, Refused, UnexpectedPrompt
from reconciler.exchange.port import Command, Connection, Credential, Endpoint, Query, Value
from reconciler.exchange.secrecy import SecretBytes, SecureString
from reconciler.exchange.session.batch import Ended
from reconciler.exchange.session.faults import OPERATION_TIMED_OUT, translated
from reconciler.exchange.session.messages import Told, inject_reader
from reconciler.exchange.session.pipelines import OneCommand
from reconciler.exchange.session.prompts import Respondent
from reconciler.exchange.session.transport import wsman

_CONFIGURATIONS: Final = {
    Endpoint.EXCHANGE: "Microsoft.Exchange",
    Endpoint.WINRM: "Microsoft.PowerShell",
}
_KNOWS_STATEMENTS: Final = (2, 2)
"""Protocol version of PowerShell 3.0, which brought ExtraCmds; [MS-PSRP] does not tell of them."""
_CLOSING: Final = 10  # seconds; a shell that cannot be closed ends by its idle time-out
_CREDENTIAL: Final[Callable[..., PSCredential]] = PSCredential  # it has no annotations
_I32: Final = range(-(2**31), 2**31)

Statement = Command | Query
T = TypeVar("T")


class Pool:
    """An open runspace pool of one runspace: what one statement loads, the next one has."""

    def __init__(self, connection: Connection, respondent: Respondent | None = None) -> None:
        """Open nothing yet.

        Args:
            respondent: Who answers questions; without one Exchange is told that nobody can be asked.

        Raises:
            BadConnection: the settings cannot work.
        """
        self._connection = connection
        self._wsman, self._transport = wsman(connection)
        self._pool = _RunspacePool(
            self._wsman,
            host=respondent,
            configuration_name=_CONFIGURATIONS[connection.endpoint],
        )
        inject_reader(self._pool)

    def open(self) -> None:
        """Open the shell: two requests.

        Raises:
            ExchangeError: it is not open.
        """
        doing = "opening a session"
        self._transport.allow(self._connection.timeouts.invocation, doing)
        with translated(self._connection, doing):
            self._pool.open()

    @property
    def protocol_version(self) -> str:
        """What the server told when the pool was opened."""
        return str(self._pool.protocol_version or "")

    @property
    def runs_batches(self) -> bool:
        """Whether the server knows of several statements in one pipeline.

        An older one would run the first and say nothing of the others.
        """
        # Bounded: a number of thousands of digits is an error of its own in Python.
        parts = self.protocol_version.split(".")[:4]
        found = tuple(int(part) for part in parts if part.isdecimal() and len(part) < 10)
        return found >= _KNOWS_STATEMENTS

    def close(self) -> None:
        """Close the shell and the connection; never fails, for an error that is under way matters more."""
        doing = "closing a session"
        self._transport.allow(_CLOSING, doing)
        try:
            with translated(self._connection, doing):
                # Not the pool's own close: it does nothing for a pool that is broken.
                self._pool.shell.close()
        except ExchangeError:
            return
        finally:
            self._wsman.close()

    def run(self, statements: Sequence[Statement]) -> Ended:
        """Run statements in one pipeline: two requests, however many there are.

        Nothing is signalled at its end: the server drops the pipeline with the shell, and a request is saved.

        Raises:
            ExchangeError: it is not known how it ended.
        """
        doing = ", ".join(statement.cmdlet for statement in statements)
        self._transport.allow(self._connection.timeouts.invocation, doing)
        pipeline = self._begun(statements, doing)
        with _ran(), translated(self._connection, doing), self._forgotten(pipeline):
            try:
                while pipeline.state == PSInvocationState.RUNNING:
                    pipeline.poll_invoke()
            except UnexpectedPrompt:
                self._stop(pipeline)
                raise
            return Ended(
                completed=pipeline.state == PSInvocationState.COMPLETED,
                outputs=tuple(value for xml in pipeline.output for value in clixml.read(xml).values),
                errors=tuple(_told(pipeline.streams.error, ErrorRecord)),
                warnings=tuple(_told(pipeline.streams.warning, str)),
            )

    def _begun(self, statements: Sequence[Statement], doing: str) -> PowerShell:
        """Send a pipeline whole. What is refused at that was not run."""
        try:
            with translated(self._connection, doing):
                pipeline = self._pipeline(statements)
                pipeline.begin_invoke()
        except Refused as refused:
            refused.outcome_unknown = False
            raise
        return pipeline

    @contextmanager
    def _forgotten(self, pipeline: PowerShell) -> Iterator[None]:
        """Drop a pipeline once it is over: pypsrp would keep all that was sent and came, secrets too."""
        try:
            yield
        finally:
            self._pool.pipelines.pop(pipeline.id, None)

    def _stop(self, pipeline: PowerShell) -> None:
        """Interrupt a pipeline that waits for an answer."""
        try:
            pipeline.stop()
        except WSManFaultError as error:
            if error.code != OPERATION_TIMED_OUT:
                raise

    def _pipeline(self, statements: Sequence[Statement]) -> PowerShell:
        pipeline = PowerShell(self._pool)
        version = self._pool.protocol_version or ""
        for statement in statements:
            parameters = [(name, self._wire(value)) for name, value in statement.parameters.items()]
            pipeline.add_command(OneCommand(statement.cmdlet, version, parameters))
        return pipeline

    def _wire(self, value: Value) -> Any:
        """A parameter's value in what pypsrp serializes as we mean it."""
        match value:
            case Credential():
                self._pool.exchange_keys()
                return _CREDENTIAL(username=value.user, password=value.password)
            case SecureString():
                self._pool.exchange_keys()
                return TaggedValue("SS", value.reveal())
            case SecretBytes():
                return value.reveal()
            case tuple():
                return list(value)
            case int() if not isinstance(value, bool) and value not in _I32:
                return TaggedValue("I64", value)
            case _:
                return value


@contextmanager
def _ran() -> Iterator[None]:
    """Mark what goes wrong once a pipeline was taken: even who is not let in any more may have run it."""
    try:
        yield
    except UnexpectedPrompt:
        raise
    except ExchangeError as error:
        error.outcome_unknown = True
        raise


def _told(stream: Iterable[object], kind: type[T]) -> Iterator[T]:
    """Take out of a stream what our reader put there, whatever pypsrp annotates."""
    for told in stream:
        if isinstance(told, Told) and isinstance(told.value, kind):
            yield told.value


class _RunspacePool(RunspacePool):
    """pypsrp's pool, which would turn a warning of the server into a Python warning for everybody."""

    def _process_runspacepool_warning(self, message: Any) -> None:
        """Drop it: it belongs to no pipeline."""
