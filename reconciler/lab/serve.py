"""The background process of a lab: ``python -m reconciler.lab.serve SETTINGS``, started by `control`."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from reconciler.lab import authority, process
from reconciler.lab.emulator import Emulator, Ports, describe, utc_now
from reconciler.lab.errors import AlreadyRunning, FileUnreadable
from reconciler.lab.exchange import open_exchange
from reconciler.lab.exchange.builds import UnknownBuild
from reconciler.lab.exchange.imports import UnusableExport

DESCRIPTION = "lab.json"
"""What the lab is or was: status without the tally, ports, when it ends. Not whether it runs."""

_log = logging.getLogger(__name__)


class Settings(BaseModel):
    """How to run a lab; the arguments of :func:`reconciler.lab.control.up`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    directory: Path
    servers: int
    edges: int
    subscribed: int
    exchange: tuple[str, ...]
    from_clixml: Path | None
    latency_ms: int
    faults: Path | None
    lifetime: timedelta
    transcript: bool


def main(arguments: list[str]) -> int:
    """Run a lab until it is asked to end or its time is over."""
    settings = Settings.model_validate_json(arguments[0])
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        with process.hold_directory(settings.directory):
            asyncio.run(_serve(settings))
    except AlreadyRunning as error:
        return _fail({"is_held": True, "reason": str(error)})
    except FileUnreadable as error:
        return _fail({"path": str(error.path), "reason": error.reason})
    except UnusableExport as error:
        return _fail({"path": str(settings.from_clixml), "reason": str(error)})
    except UnknownBuild as error:
        return _fail({"reason": str(error)})
    except Exception as error:  # noqa: BLE001 - whatever it is, the process that waits must learn it
        _log.exception("the lab did not start")
        return _fail({"reason": f"{type(error).__name__}: {error}"})
    return 0


async def _serve(settings: Settings) -> None:
    directory = settings.directory
    started = utc_now()
    # The issuer is made first: the organization trusts it.
    authority.open_authorities(directory, started)
    exchange = open_exchange(
        directory,
        servers=settings.servers,
        edges=settings.edges,
        subscribed=settings.subscribed,
        build=settings.exchange,
        from_clixml=settings.from_clixml,
        now=utc_now,
    )
    remarks = tuple(exchange.remarks())
    emulator = Emulator(
        exchange,
        directory,
        latency=timedelta(milliseconds=settings.latency_ms),
        faults=settings.faults,
        transcript=settings.transcript,
        ports=_last_ports(directory),
    )
    await emulator.start()
    try:
        await _answering(emulator, directory)
        ended = asyncio.Event()
        process.on_end_request(asyncio.get_running_loop(), ended.set)
        description = {
            **describe(directory, emulator.servers, emulator.addresses, remarks + emulator.remarks),
            "started": started.isoformat(),
            "ends": (started + settings.lifetime).isoformat(),
            "ports": {name: [ports.https, ports.smtp, ports.http] for name, ports in emulator.ports.items()},
        }
        process.write_private(directory / DESCRIPTION, json.dumps(description).encode())
        process.say(b'{"ready": true}')
        try:
            await asyncio.wait_for(ended.wait(), settings.lifetime.total_seconds())
        except TimeoutError:
            _log.warning("the lab ends: its lifetime is over")
    finally:
        await emulator.stop()


async def _answering(emulator: Emulator, directory: Path) -> None:
    """Speak to every listener once, as a client would."""
    context = ssl.create_default_context(cafile=directory / authority.CA)
    for ports in emulator.ports.values():
        _, https = await asyncio.open_connection("127.0.0.1", ports.https, ssl=context)
        https.close()
        await https.wait_closed()
        _, http = await asyncio.open_connection("127.0.0.1", ports.http)
        http.close()
        await http.wait_closed()
        banner, smtp = await asyncio.open_connection("127.0.0.1", ports.smtp)
        await banner.readuntil(b"\r\n")
        smtp.close()
        await smtp.wait_closed()


def _last_ports(directory: Path) -> dict[str, Ports]:
    """The ports of the last run, so that a lab that starts again is found where it was."""
    path = directory / DESCRIPTION
    if not path.exists():
        return {}
    return {name: Ports(*pair) for name, pair in json.loads(path.read_bytes())["ports"].items()}


def _fail(facts: dict[str, Any]) -> int:
    process.say(json.dumps({"failed": facts}).encode())
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
