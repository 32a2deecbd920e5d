"""What a lab received: requests, shells and cmdlets, one JSON line a fact, readable while it runs."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from reconciler.lab.call import Call, Credential, Prompt, Secret

FILE: Final = "ledger.jsonl"

_READING: Final = ("get-", "export-")
_SESSION: Final = frozenset({"add-pssnapin"})


@dataclass(slots=True)
class Tally:
    """The ledger added up.

    Attributes:
        requests: HTTP requests by server.
        cmdlets: In order of arrival: ``id``, ``server``, ``account``, ``cmdlet``, ``parameters``,
            ``mutating``, ``time``, ``result`` (``running``, ``completed``, ``failed``, ``stopped`` or
            ``abandoned``), ``error`` (fully qualified id), ``answers`` given to prompts, ``held``.
        shells_open: Shells open now, by server.
        shells_max: Most shells open at once since the lab's directory was made, by server.
    """

    requests: dict[str, int] = field(default_factory=dict)
    cmdlets: list[dict[str, Any]] = field(default_factory=list)
    shells_open: dict[str, int] = field(default_factory=dict)
    shells_max: dict[str, int] = field(default_factory=dict)

    def add(self, entry: Mapping[str, Any]) -> None:
        kind = entry["type"]
        if kind == "request":
            self.requests[entry["server"]] = self.requests.get(entry["server"], 0) + 1
        elif kind == "shells":
            server, count = entry["server"], entry["open"]
            self.shells_open[server] = count
            self.shells_max[server] = max(count, self.shells_max.get(server, 0))
        elif kind == "started":
            self.shells_open = dict.fromkeys(self.shells_open, 0)
        elif kind == "cmdlet":
            self.cmdlets.append({key: value for key, value in entry.items() if key != "type"})
        elif kind == "progress":
            self.cmdlets[entry["id"]].update(entry["change"])

    @property
    def held(self) -> list[dict[str, Any]]:
        """The cmdlets whose answer is being kept back."""
        return [record for record in self.cmdlets if record["held"]]


def read_tally(directory: Path) -> Tally:
    """Add up the ledger of a lab; a last line that is not complete yet does not count."""
    tally = Tally()
    path = directory / FILE
    if path.exists():
        with path.open("rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):
                    tally.add(json.loads(line))
    return tally


class Ledger:
    """The ledger of a running lab. Each line is written at once, so it outlives a killed process.

    Args:
        directory: The lab's; lines are added to what is there.
        now: The clock; UTC, aware.
    """

    def __init__(self, directory: Path, now: Callable[[], datetime]) -> None:
        self._now = now
        self._next_id = len(read_tally(directory).cmdlets)
        self._file = (directory / FILE).open("ab", buffering=0)
        self._write({"type": "started", "time": now().isoformat()})

    def close(self) -> None:
        self._file.close()

    def note_request(self, server: str) -> None:
        self._write({"type": "request", "server": server, "time": self._now().isoformat()})

    def note_shells(self, server: str, count: int) -> None:
        self._write({"type": "shells", "server": server, "open": count})

    def begin(self, call: Call) -> int:
        """Record a cmdlet before it runs; returns the id of its record."""
        record = self._next_id
        self._next_id += 1
        self._write(
            {
                "type": "cmdlet",
                "id": record,
                "server": call.server,
                "account": call.account,
                "cmdlet": call.cmdlet,
                "parameters": {
                    argument.name or f"[{index}]": _shown(argument.value)
                    for index, argument in enumerate(call.arguments)
                },
                "mutating": is_mutating(call),
                "time": self._now().isoformat(),
                "result": "running",
                "error": None,
                "answers": [],
                "held": False,
            }
        )
        return record

    def hold(self, record: int, held: bool) -> None:
        self._change(record, held=held)

    def end(self, record: int, result: str, error: str | None, answers: list[dict[str, Any]]) -> None:
        self._change(record, result=result, error=error, answers=answers, held=False)

    def _change(self, record: int, **change: Any) -> None:
        self._write({"type": "progress", "id": record, "change": change})

    def _write(self, entry: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(entry, ensure_ascii=True).encode() + b"\n")


def is_mutating(call: Call) -> bool:
    """Whether a command may change Exchange: everything that is not known to read or to set up a session."""
    name = call.cmdlet.casefold()
    return call.is_script or not (name.startswith(_READING) or name in _SESSION)


def answer(prompt: Prompt, choice: int) -> dict[str, Any]:
    """How an answered prompt stands in the record."""
    label = prompt.choices[choice][0] if 0 <= choice < len(prompt.choices) else ""
    return {
        "caption": prompt.caption,
        "prompt": prompt.message,
        "choice": choice,
        "answer": label.replace("&", ""),
    }


def _shown(value: Any) -> Any:
    if isinstance(value, Secret):
        return {"secret": True}
    if isinstance(value, Credential):
        return {"user": value.user, "password": {"secret": True}}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shown(item) for item in value]
    return value
