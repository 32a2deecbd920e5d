"""An authority that says what a test wants, for what a real one does not do when asked."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import requests
from requests.adapters import BaseAdapter

HERE = "https://acme.example"
PROBLEM = "urn:ietf:params:acme:error:"
DIRECTORY: Mapping[str, Any] = {
    "newNonce": f"{HERE}/nonce",
    "newAccount": f"{HERE}/account",
    "newOrder": f"{HERE}/order",
    "revokeCert": f"{HERE}/revoke",
    "meta": {"termsOfService": f"{HERE}/terms"},
}
ADVISING: Mapping[str, Any] = {**DIRECTORY, "renewalInfo": f"{HERE}/renewal"}
"""Of one that says when it wants certificates renewed."""


class Scripted(BaseAdapter):
    """Answers by path: each answer once, the last one for ever. Nonces and the account are there.

    Attributes:
        asked: What was asked, path and payload, oldest first.
    """

    def __init__(self, **answers: list[Any]) -> None:
        """Take what is said at each path: a document, or a status with headers and a body.

        What is callable says it of the last part of the URL.
        """
        super().__init__()
        self.asked: list[tuple[str, bytes]] = []
        self._answers: dict[str, list[Any]] = {
            "directory": [DIRECTORY],
            "nonce": [{}],
            "account": [{"status": "valid"}],
            **answers,
        }

    def session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.mount("https://", self)
        return session

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        path = str(request.url).removeprefix(f"{HERE}/").split("/")[0]
        self.asked.append((path, _payload(request.body)))
        answers = self._answers.get(path, [(404, {}, b"")])
        said = answers.pop(0) if len(answers) > 1 else answers[0]
        if callable(said):
            said = said(str(request.url).rpartition("/")[2])
        if isinstance(said, Exception):
            raise said
        status, headers, body = said if isinstance(said, tuple) else (200, {}, said)
        response = requests.Response()
        response.status_code = status
        response.url = str(request.url)
        response.request = request
        response.headers.update({"Replay-Nonce": "bm9uY2U", "Location": f"{HERE}/{path}/1", **headers})
        response.raw = io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
        return response

    def close(self) -> None:
        """Nothing is open."""


def problem(kind: str, detail: str, status: int = 400, **headers: str) -> tuple[int, dict[str, str], Any]:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, told, {"type": PROBLEM + kind, "detail": detail}


def window(start: datetime, end: datetime, **others: str) -> dict[str, Any]:
    """What it says of one certificate."""
    return {"suggestedWindow": {"start": start.isoformat(), "end": end.isoformat()}, **others}


def _payload(body: Any) -> bytes:
    if not body:
        return b""
    payload = json.loads(body)["payload"]
    return base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
