"""Disturbances that a lab can be told to make: at one cmdlet, or at every batch of statements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, TypeAdapter, ValidationError

from reconciler.lab.errors import FileUnreadable

RELEASE: Final = "faults.release"
"""A file of this name in the lab's directory lets every held answer go."""


class Rule(BaseModel):
    """One disturbance.

    Attributes:
        server: Where; any server when not given.
        cmdlet: At which cmdlet, ignoring case.
        nth: At which of its calls that this rule matches, from 1; at each when not given.
        when: Before the cmdlet runs (it then does not run, unless only delayed) or after.
        action: ``hold`` keeps the answer back until the client is gone or RELEASE appears; ``drop`` closes
            the TCP connection that waits for it; ``error`` ends the pipeline with a transient error;
            ``garbage`` answers with a body that is not SOAP; ``late`` answers after ``seconds``.
        seconds: For ``late``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    server: str | None = None
    cmdlet: str
    nth: Annotated[int, Field(ge=1)] | None = None
    when: Literal["before", "after"] = "after"
    action: Literal["hold", "drop", "error", "garbage", "late"]
    seconds: Annotated[float, Field(ge=0, le=3600)] = 30.0


Refusal = Literal["fault", "error", "first"]


class BatchRule(BaseModel):
    """A server that takes one statement a pipeline.

    Attributes:
        server: Which; any server when not given.
        batches: How it refuses more; no real one was seen to. ``fault`` answers the request with a SOAP
            fault; ``error`` ends the pipeline with an error that names no cmdlet; ``first`` runs the first
            statement and is silent about the rest, as PowerShell 2.0, whose protocol knows of one only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    server: str | None = None
    batches: Refusal


def _kind(rule: Any) -> str:
    return "batch" if isinstance(rule, dict) and "batches" in rule else "cmdlet"


_Rules = TypeAdapter(
    tuple[
        Annotated[Annotated[Rule, Tag("cmdlet")] | Annotated[BatchRule, Tag("batch")], Discriminator(_kind)],
        ...,
    ]
)


class Faults:
    """The rules of a lab, and how often each has matched since it started."""

    def __init__(self, rules: tuple[Rule | BatchRule, ...]) -> None:
        self._rules = tuple(rule for rule in rules if isinstance(rule, Rule))
        self._batch_rules = tuple(rule for rule in rules if isinstance(rule, BatchRule))
        self._seen = [0] * len(self._rules)

    def batches(self, server: str) -> Refusal | None:
        """How a server refuses batches, if it does."""
        return next((rule.batches for rule in self._batch_rules if _is_for(rule.server, server)), None)

    def match(self, server: str, cmdlet: str) -> Rule | None:
        """Count one call, and return the first rule that wants it disturbed."""
        found = None
        for index, rule in enumerate(self._rules):
            if rule.cmdlet.casefold() != cmdlet.casefold():
                continue
            if not _is_for(rule.server, server):
                continue
            self._seen[index] += 1
            if found is None and rule.nth in (None, self._seen[index]):
                found = rule
        return found


def _is_for(wanted: str | None, server: str) -> bool:
    return wanted is None or wanted.casefold() == server.casefold()


def read_faults(path: Path | None) -> Faults:
    """Read a file of rules, a JSON list.

    Raises:
        FileUnreadable: it is not there, not JSON, or holds what is not a rule.
    """
    if path is None:
        return Faults(())
    try:
        rules = _Rules.validate_json(path.read_bytes())
    except OSError as error:
        raise FileUnreadable(path, error.strerror or str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise FileUnreadable(path, f"{where}: {first['msg']}" if where else first["msg"]) from error
    return Faults(rules)
