"""Files of this machine: desired state, connections, plans, the record's folder, credentials, issuers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from reconciler.config import load
from reconciler.credentials.errors import CredentialError
from reconciler.credentials.reference import resolve
from reconciler.diagnostics import Diagnostic, Severity, SourceRange, has_errors
from reconciler.issuers.local import LocalIssuer
from reconciler.issuers.port import CertificateRequest, IssuerFailed
from reconciler.plan.plan_file import SavedPlan, decode_plan, encode_plan
from reconciler.plan.planner import plan
from reconciler.plan.situation import Situation
from reconciler.views.diagnostics import render_diagnostics
from reconciler.views.plan_json import render_plan_json
from reconciler.views.plan_text import render_plan
from state import codec
from state.address import Address
from state.codec import Heading, resource_from_json, resource_to_json
from state.errors import StateError
from state.journal import Intent, Outcome
from state.lock import LockInfo
from state.record import Learned, Recorded, Request, StateRecord
from state.resources import Server
from state.snapshot import LiveState, Snapshot
from state.stores.local import LocalStore, folder_name
from state.values import CredentialReference, Deferred, DomainPattern, Name, SmartHost, Thumbprint
from tests.authority import Authority, make_request, pem
from tests.fuzz.target import CUT, Target, refused
from tests.situations import (
    NOW,
    TRUSTED,
    certificate,
    connector,
    live_certificate,
    live_connector,
    live_receive_connector,
    live_server,
    plan_of,
    receive_connector,
    recorded,
)

_ROOT = Path(__file__).parents[3]
_TODAY = date(2026, 7, 1)
_FIRST = (_ROOT / "examples" / "first" / "tls.yaml").read_bytes()
_ORGANIZATION = "contoso"
_PUBLIC = Address.parse("certificate.EX1.public")
_GONE = Address.parse("send_connector.EX1.opportunistic")
_FRONTEND = Address.parse('receive_connector.EX1."Default Frontend EX1"')


_YAML_WORDS = tuple(
    word.encode()
    for word in (
        *("version: ", "organization: ", "servers: ", "role: edge", "host: ", "certificates: ", "domains: "),
        *(
            "services: ",
            "issuer: ",
            "send_connectors: ",
            "tls_required: ",
            "tls_never: ",
            "to: ",
            "kind: other",
        ),
        *(
            "partners: ",
            "trusted",
            "until: ",
            "endpoints: ",
            "connection: ",
            "credential: ",
            "env:X",
            "url: ",
        ),
        *("https://", "endpoint: winrm", "smart_hosts: ", "&a ", "*a", "!!str ", "<<: ", "? ", "- ", "---"),
        *("[", "]", "{", "}", "null", "true", "~", "99999999999999999999", "-1", "\u2028", "\x85", "'", '"'),
    )
)


def _declared() -> Sequence[bytes]:
    cases = sorted((_ROOT / "tests" / "cases" / "config").glob("*.yaml"))
    return [path.read_bytes() for path in (_ROOT / "examples" / "contoso" / "tls.yaml", *cases)] + [_FIRST]


def _desired_state(data: bytes, folder: Path) -> bool:
    file = folder / "tls.yaml"
    file.write_bytes(data)
    loaded = load(file, today=_TODAY)
    assert (loaded.desired is None) == has_errors(loaded.diagnostics)
    _told(render_diagnostics(loaded.diagnostics, colour=True, width=80), loaded.diagnostics)
    if loaded.desired is None:
        return False
    for resource in loaded.desired.snapshot.resources.values():
        written = json.loads(json.dumps(resource_to_json(resource)))
        assert resource_from_json(written) == resource
    return True


def _told(text: str, told: object) -> None:
    """Every problem has words, and none that would steer a terminal."""
    assert bool(text) == bool(told)
    assert "\x1b" not in text.replace("\x1b[", "")


def _connection_files() -> Sequence[bytes]:
    whole = {
        "servers": {
            "EX1": {
                "url": "https://127.0.0.1:4711/PowerShell/",
                "endpoint": "exchange",
                "credential": "file:admin.credential",
                "ca": "ca.pem",
                "smtp": "127.0.0.1:25",
            }
        },
        "issuers": {"*": {"type": "local", "certificate": "issuer.pem", "key": "issuer.key"}},
    }
    issuers = "issuers: {house: {type: local, certificate: issuer.pem, key: issuer.key}}\n"
    short = "servers:\n  EX1: {credential: env:EXCHANGE}\n" + issuers
    two = "{auth: kerberos, service: HTTP/mail, credential: {read: env:A, write: 'file:b'}}"
    accounts = f"servers:\n  EX1: {two}\n{issuers}"
    return [json.dumps(whole, indent=1).encode(), short.encode(), accounts.encode()]


def _connections(data: bytes, folder: Path) -> bool:
    desired, file = folder / "tls.yaml", folder / "connections.yaml"
    desired.write_bytes(_FIRST)
    file.write_bytes(data)
    loaded = load(desired, connections=file, today=_TODAY)
    assert (loaded.desired is None) == has_errors(loaded.diagnostics)
    _told(render_diagnostics(loaded.diagnostics, width=80), loaded.diagnostics)
    return loaded.desired is not None


def _plans() -> Sequence[bytes]:
    desired = {
        Address.of("server", "EX1"): Server(role="mailbox"),
        _PUBLIC: certificate(renew_before="30d"),
        TRUSTED: connector(
            certificates=(_PUBLIC,),
            tls_certificate_name=Deferred(_PUBLIC, "tls_certificate_name"),
            dns_routing_enabled=False,
            smart_hosts=frozenset({SmartHost("relay.example")}),
            authentication_credential=CredentialReference("env:RELAY"),
        ),
        _FRONTEND: receive_connector(),
    }
    server = live_server(
        certificates=[live_certificate()],
        send_connectors=[live_connector(require_tls=False), live_connector(guid="g2", name=connector().name)],
        receive_connectors=[live_receive_connector()],
    )
    record = {
        TRUSTED: recorded(connector(guid=live_connector().guid)),
        _GONE: recorded(connector(guid="g2")),
        _PUBLIC: recorded(certificate(public_key="k1")),
    }
    warning = Diagnostic(
        summary="Key is short",
        detail="1024 bits.",
        where=SourceRange("tls.yaml", 9, 7, "      key_size: 1024", 8),
        severity=Severity.WARNING,
    )
    saved = SavedPlan(
        plan=replace(plan_of(desired, server, record=record), diagnostics=(warning,)),
        desired=Snapshot(desired),
        path="/srv/tls.yaml",
        connections="",
        state="",
        targets=(_PUBLIC,),
        made_at=NOW,
        tool_version="0.1.0",
    )
    return [encode_plan(saved), encode_plan(replace(saved, plan=plan_of({}, live_server()), targets=()))]


def _plan(data: bytes, folder: Path) -> bool:
    try:
        saved = decode_plan(data, "tls.plan")
    except StateError as error:
        return refused(error)
    assert decode_plan(encode_plan(saved), "tls.plan") == saved
    assert render_plan(saved.plan, colour=False, width=80)
    assert json.loads(render_plan_json(saved.plan, tool_version="0"))
    # Applying it plans the same again.
    names = [Name(address.parts[0]) for address, _ in saved.desired.of(Server)]
    live = LiveState({name: live_server(name) for name in names})
    record = StateRecord(saved.plan.organization, "3f0c", 1, {}, {})
    assert plan(Situation(saved.desired, live, record, NOW)) is not None
    return True


def _record_folders() -> Sequence[bytes]:
    """A record, its backup, its journal, and who holds the lock."""
    request = Request(
        server=Name("EX1"),
        asked=certificate(domains=frozenset({DomainPattern("mail.contoso.com")})),
        public_key="ab12",
        csr="-----BEGIN CERTIFICATE REQUEST-----\n",
        pending=Thumbprint("A" * 40),
        since=NOW,
    )
    learned = Recorded(live_connector(), created=True, at=NOW)
    record = StateRecord(
        organization=_ORGANIZATION,
        lineage="3f0c",
        serial=7,
        resources={TRUSTED: learned},
        requests={_PUBLIC: request},
    )
    journal = [
        (Intent("1", TRUSTED, "EX1", "Set-SendConnector", {"Fqdn": None, "Port": 25}, ("B" * 40,), NOW),),
        (Outcome("1", "", NOW), Learned(TRUSTED, learned), Learned(_PUBLIC, None, request)),
    ]
    lines = codec.encode_heading(Heading("3f0c", 7)) + b"".join(map(codec.encode_entries, journal))
    lock = codec.encode_lock(LockInfo("1", "apply", "someone@here", NOW))
    data = codec.encode_record(record)
    return [CUT.join([data, data, lines, lock]), CUT.join([data, b"", b"", b""])]


def _record_folder(data: bytes, folder: Path) -> bool:
    place = folder / folder_name(_ORGANIZATION)
    place.mkdir()
    names = ("record.json", "record.json.backup", "journal.jsonl", "lock.json")
    for name, content in zip(names, data.split(CUT), strict=False):
        if content:
            (place / name).write_bytes(content)
    store = LocalStore(folder, _ORGANIZATION)
    try:
        stored = store.read()
        with store.lock(LockInfo("2", "apply", "me", datetime(2027, 1, 1, tzinfo=UTC))) as fence:
            store.append([Outcome("1", "", NOW)], fence)
            assert len(store.read().journal) == len(stored.journal) + 1
            if stored.record is not None:
                store.write(replace(stored.record, serial=stored.record.serial + 1), fence)
    except StateError as error:
        return refused(error)
    return stored.record is not None


_TELLING = 8
"""Characters of a password from which on finding them in a text is no chance."""


def _credential(data: bytes, folder: Path) -> bool:
    file = folder / "exchange.credential"
    file.write_bytes(data)
    file.chmod(0o600)
    try:
        secret = resolve("file:exchange.credential", folder)
    except CredentialError as error:
        password = data.decode("utf-8", "replace").partition(":")[2].strip()
        return refused(error, *[password] * (len(password) >= _TELLING))
    assert len(secret.password) < _TELLING or secret.password not in repr(secret).replace(secret.user, "")
    return True


def _authorities() -> Sequence[bytes]:
    inner, root = Authority.make("Issuing", issuer=Authority.make("Root")), Authority.make("Root")
    return [
        CUT.join([inner.pem.encode(), inner.key_pem]),
        CUT.join([(inner.pem + root.pem).encode(), inner.key_pem]),
    ]


def _issuer(data: bytes, folder: Path) -> bool:
    chain, _, private = data.partition(CUT)
    certificate_file, key_file = folder / "ca.pem", folder / "ca.key"
    certificate_file.write_bytes(chain)
    key_file.write_bytes(private)
    key_file.chmod(0o600)
    request = CertificateRequest(_PUBLIC, pem(make_request()), frozenset())
    try:
        issued = LocalIssuer.open("house", certificate_file, key_file, clock=lambda: NOW).issue(request)
    except IssuerFailed as error:
        return refused(error)
    return issued.chain.startswith("-----BEGIN CERTIFICATE-----")


_JSON_WORDS = tuple(
    word.encode()
    for word in (
        *("null", "true", "{}", "[]", '""', "-1", "1e999", "NaN", "9" * 30, '"\\ud800"', '"\\u0000"', "[[[["),
        *('"unknown": true', '"deferred": "certificate.EX1.public#thumbprint"', '"format_version": 2'),
        *('"kind": "server"', '"attributes": {}', '"0001-01-01T00:00:00Z"', '"9999-12-31T23:59:59Z"'),
    )
)

TARGETS = (
    Target("desired-state", _declared, _desired_state, _YAML_WORDS),
    Target("connections", _connection_files, _connections, _YAML_WORDS),
    Target("plan", _plans, _plan, _JSON_WORDS),
    Target("record", _record_folders, _record_folder, (CUT, b"\n", *_JSON_WORDS)),
    Target("credential", lambda: [b"contoso\\admin:secret word\n", "\ufeffä:ö:ü\r\n".encode()], _credential),
    Target("issuer", _authorities, _issuer, (CUT, b"-----BEGIN CERTIFICATE-----\n", b"-----END ")),
)
