"""Disturbances that a lab can be told to make; docs/lab-faults.md is their manual.

At a cmdlet, at an HTTP request, or of a server as a whole; at each, at the nth, or by seeded chance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Annotated, Any, Final, Generic, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from reconciler.lab.appearance import HidesRule, ShowsRule, view_of
from reconciler.lab.call import View
from reconciler.lab.errors import FileUnreadable

RELEASE: Final = "faults.release"
"""A file of this name in the lab's directory lets every held answer go."""

Seconds = Annotated[float, Field(ge=0, le=3600)]
Count = Annotated[int, Field(ge=1)]
Operation = Literal["sign_on", "create", "command", "send", "receive", "signal", "delete", "other"]
"""What an HTTP request asks for; ``sign_on`` are those that end before a message is read."""


class _Placed(BaseModel):
    """Where and how often.

    Attributes:
        server: Where; any server when not given.
        nth: At which of what this rule matches, from 1; at each when not given.
        times: At most so often.
        probability: By chance instead of by number.
        seed: Of that chance: the same seed draws the same lots.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    server: str | None = None
    nth: Count | None = None
    times: Count | None = None
    probability: Annotated[float, Field(gt=0, le=1)] | None = None
    seed: int = 0

    @model_validator(mode="after")
    def _number_or_chance(self) -> Self:
        if self.nth is not None and self.probability is not None:
            raise ValueError("nth and probability exclude each other")
        return self


class Rule(_Placed):
    """A disturbance at a cmdlet.

    Attributes:
        cmdlet: At which, ignoring case; ``*`` at each, ``get`` at each that reads, ``change`` at each other.
        when: Before the cmdlet runs (it then does not run, unless only delayed) or after.
        action: What happens.
        seconds: How long ``late`` and ``throttle`` take.
        terminating: Whether ``error``, ``directory`` and ``busy`` end the pipeline.
    """

    cmdlet: str
    when: Literal["before", "after"] = "after"
    action: Literal[
        "hold",
        "drop",
        "reset",
        "shell_gone",
        "garbage",
        "late",
        "throttle",
        "error",
        "directory",
        "busy",
    ]
    seconds: Seconds = 30.0
    terminating: bool = True

    def is_at(self, cmdlet: str) -> bool:
        """Whether the rule is for a cmdlet."""
        wanted, name = self.cmdlet.casefold(), cmdlet.casefold()
        reads = name.startswith("get-")
        return wanted in (name, "*") or wanted == ("get" if reads else "change")


class RequestRule(_Placed):
    """A disturbance at an HTTP request.

    Attributes:
        request: At which: its number on its server from 1, those of one operation, or ``any``.
        when: Of ``drop`` and ``reset``: ``after`` it was acted on, so that only its answer is lost. What is
            answered with a fault or a status is not acted on.
        action: What happens.
        seconds: How long ``timeout`` waits before it says so.
    """

    request: Count | Literal["any"] | Operation
    when: Literal["before", "after"] = "before"
    action: Literal[
        "drop",
        "reset",
        "busy",
        "timeout",
        "shell_gone",
        "shell_quota",
        "operation_quota",
        "load_quota",
        "runspace_quota",
    ]
    seconds: Seconds = 0.0

    def is_at(self, number: int, operation: Operation) -> bool:
        """Whether the rule is for a request."""
        return self.request in (number, operation, "any")


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


class LimitRule(BaseModel):
    """A server with other limits than WinRM's own.

    Attributes:
        server: Which; any server when not given.
        shells: How many an account may have open.
        envelope: Bytes of its largest answer: 32768 sends one fragment at a time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    server: str | None = None
    shells: Count | None = None
    envelope: Annotated[int, Field(ge=8192)] | None = None


class RedirectRule(BaseModel):
    """A web server that sends clients elsewhere.

    Attributes:
        server: Which; any server when not given.
        redirects: The server of the lab whose https listener it names; its own: from http alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    server: str | None = None
    redirects: str


class ReplicationRule(BaseModel):
    """A domain controller that hears late of what another took.

    Attributes:
        domain_controller: Which, by FQDN or first label.
        replication: After how many seconds; ``held``: not at all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    domain_controller: str
    replication: Seconds | Literal["held"]


class SmtpRule(BaseModel):
    """A transport service that does not do with another certificate as it should.

    Attributes:
        server: Which; any server when not given.
        smtp: ``late``: for a while what was presented before is presented still. ``lost``: STARTTLS is
            offered only with the certificate that was presented when the lab started.
        seconds: How long ``late`` takes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    server: str | None = None
    smtp: Literal["late", "lost"]
    seconds: Seconds = 30.0


AnyRule = (
    SmtpRule
    | ReplicationRule
    | ShowsRule
    | HidesRule
    | Rule
    | RequestRule
    | BatchRule
    | LimitRule
    | RedirectRule
)
KINDS: Final[dict[str, type[AnyRule]]] = {
    "domain_controller": ReplicationRule,
    "shows": ShowsRule,
    "hides": HidesRule,
    "cmdlet": Rule,
    "request": RequestRule,
    "batches": BatchRule,
    "shells": LimitRule,
    "envelope": LimitRule,
    "redirects": RedirectRule,
    "smtp": SmtpRule,
}
"""Rules by the key that tells them from others, the first of several."""


def _kind(rule: Any) -> str:
    keys = rule if isinstance(rule, dict) else ()
    return next((kind.__name__ for key, kind in KINDS.items() if key in keys), Rule.__name__)


_Rules = TypeAdapter(
    tuple[
        Annotated[
            Annotated[ReplicationRule, Tag("ReplicationRule")]
            | Annotated[ShowsRule, Tag("ShowsRule")]
            | Annotated[HidesRule, Tag("HidesRule")]
            | Annotated[Rule, Tag("Rule")]
            | Annotated[RequestRule, Tag("RequestRule")]
            | Annotated[BatchRule, Tag("BatchRule")]
            | Annotated[LimitRule, Tag("LimitRule")]
            | Annotated[RedirectRule, Tag("RedirectRule")]
            | Annotated[SmtpRule, Tag("SmtpRule")],
            Discriminator(_kind),
        ],
        ...,
    ]
)

R = TypeVar("R", bound=_Placed)


class _Counted(Generic[R]):
    """A rule, and how often it has matched since the lab started."""

    def __init__(self, rule: R) -> None:
        self.rule = rule
        self._matched = 0
        self._struck = 0
        self._lots = Random(rule.seed)  # noqa: S311 - the same lots for the same seed are the point

    def strikes(self) -> bool:
        """Count one match; tell whether it is one to disturb."""
        self._matched += 1
        if self.rule.probability is not None:
            chosen = self._lots.random() < self.rule.probability
        else:
            chosen = self.rule.nth in (None, self._matched)
        chosen = chosen and self._struck < (self.rule.times or self._matched)
        self._struck += chosen
        return chosen


class Faults:
    """The rules of a lab.

    Attributes:
        replication: Seconds until each domain controller hears of what another took; None: it does not.
    """

    def __init__(self, rules: tuple[AnyRule, ...]) -> None:
        self._at_cmdlets = [_Counted(rule) for rule in rules if isinstance(rule, Rule)]
        self._at_requests = [_Counted(rule) for rule in rules if isinstance(rule, RequestRule)]
        self._batch_rules = tuple(rule for rule in rules if isinstance(rule, BatchRule))
        self._limits = tuple(rule for rule in rules if isinstance(rule, LimitRule))
        self._smtp = tuple(rule for rule in rules if isinstance(rule, SmtpRule))
        self._redirects = tuple(rule for rule in rules if isinstance(rule, RedirectRule))
        self.replication: Mapping[str, float | None] = {
            rule.domain_controller: None if rule.replication == "held" else rule.replication
            for rule in rules
            if isinstance(rule, ReplicationRule)
        }
        self._views = tuple(rule for rule in rules if isinstance(rule, ShowsRule | HidesRule))

    def batches(self, server: str) -> Refusal | None:
        """How a server refuses batches, if it does."""
        return next((rule.batches for rule in self._batch_rules if _is_for(rule.server, server)), None)

    def smtp(self, server: str) -> SmtpRule | None:
        """What is wrong with a server's transport service, if anything is."""
        return next((rule for rule in self._smtp if _is_for(rule.server, server)), None)

    def redirect(self, server: str) -> str | None:
        """The server that a server sends its clients to, if it does."""
        return next((rule.redirects for rule in self._redirects if _is_for(rule.server, server)), None)

    def limits(self, server: str) -> LimitRule:
        """The limits of a server; None for those that are WinRM's own."""
        mine = [rule for rule in self._limits if _is_for(rule.server, server)]
        return LimitRule(
            shells=next((rule.shells for rule in mine if rule.shells), None),
            envelope=next((rule.envelope for rule in mine if rule.envelope), None),
        )

    @property
    def watch_requests(self) -> bool:
        """Whether anything is to be disturbed at requests."""
        return bool(self._at_requests)

    def view(self, server: str, account: str, cmdlet: str, *, has_roles: bool) -> View:
        """What an account is shown of one cmdlet."""
        return view_of(self._views, server, account, cmdlet, has_roles=has_roles)

    def match(self, server: str, cmdlet: str) -> Rule | None:
        """Count one call, and return the first rule that wants it disturbed."""
        return _first(self._at_cmdlets, lambda rule: _is_for(rule.server, server) and rule.is_at(cmdlet))

    def at_request(self, server: str, number: int, operation: Operation) -> RequestRule | None:
        """Count one request, and return the first rule that wants it disturbed."""
        return _first(
            self._at_requests, lambda rule: _is_for(rule.server, server) and rule.is_at(number, operation)
        )


def _first(rules: Iterable[_Counted[R]], is_wanted: Callable[[R], bool]) -> R | None:
    """The first rule that strikes; every one that matches is counted."""
    struck = [counted.rule for counted in rules if is_wanted(counted.rule) and counted.strikes()]
    return struck[0] if struck else None


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
