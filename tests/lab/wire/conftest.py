"""The smallest Exchange that the wire can be tested with: a real one of the protocol, with few cmdlets."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pypsrp.wsman import WSMan

from reconciler.lab.call import (
    Call,
    Credential,
    Emission,
    ErrorRecord,
    Failed,
    Field,
    Identity,
    Output,
    Prompt,
    Role,
    Secret,
    ServerFacts,
    Terminated,
    Warned,
)
from reconciler.lab.emulator import ThreadedLab

REFUSED = ErrorRecord(
    message="The operation couldn't be performed because 'x' couldn't be found.\r\nLine two \x01 & <b>",
    exception_type="Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException",
    fully_qualified_id="[Server=MBX1,RequestId=1] [FailureCategory=Cmdlet-X] ABCDEF01,M.E.SetThing",
    category=5,
    target="x",
)


MISSING = ErrorRecord(
    message="Cannot process command because of one or more missing mandatory parameters: Name.",
    exception_type="System.Management.Automation.ParameterBindingException",
    fully_qualified_id="MissingMandatoryParameter,Set-Needy",
    category=5,
)


def thing(name: str, count: int) -> str:
    return (
        '<Obj RefId="0"><TN RefId="0"><T>Microsoft.Exchange.Lab.Thing</T><T>System.Object</T></TN>'
        f'<ToString>{name}</ToString><Props><S N="Name">{name}</S><I32 N="Count">{count}</I32>'
        '<Obj N="Kind" RefId="1"><TN RefId="1"><T>Microsoft.Exchange.Lab.Kind</T><T>System.Enum</T></TN>'
        "<ToString>Big</ToString><I32>2</I32></Obj></Props></Obj>"
    )


class TinyExchange:
    """Things by name; Get-, Set-, Ask-, Break-, Wait- and Echo-."""

    def __init__(self) -> None:
        self.things: dict[str, int] = {"one": 1}
        self.calls: list[Call] = []
        self.identity: Identity | None = None
        self.revision = 0
        self.entered = threading.Event()
        self.proceed = threading.Event()

    def servers(self) -> Sequence[ServerFacts]:
        return (
            ServerFacts("MBX1", "mbx1.contoso.com", False, "2019-cu15"),
            ServerFacts("EDGE1", "edge1.contoso.com", True, "2019-cu15"),
        )

    def smtp_identity(self, server: str) -> Identity | None:
        return self.identity

    def remarks(self) -> Sequence[str]:
        return ("tiny",)

    def replicate(self, delays: Mapping[str, float | None]) -> None:
        """There is one copy of everything."""

    def smtp_revision(self, server: str) -> int:
        return self.revision

    def snapshot(self) -> Mapping[str, Any]:
        return dict(self.things)

    def run(self, call: Call) -> Generator[Emission, int | None, None]:
        self.calls.append(call)
        arguments = {item.name: item.value for item in call.arguments}
        name = call.cmdlet.casefold()
        if name == "get-thing":
            for key, count in self.things.items():
                yield Output(thing(key, count))
        elif name == "set-thing":
            self.things[arguments["Name"]] = arguments["Count"]
            yield Warned("changed")
        elif name == "get-large":
            for index in range(arguments["Count"]):
                yield Output(f"<BA>{'QUJD' * 8192}</BA>" if index % 2 else f"<S>{'z' * 40_000}</S>")
        elif name == "set-failing":
            yield Failed(REFUSED)
            yield Output("<S>went on</S>")
        elif name == "get-broken":
            raise Terminated(REFUSED)
        elif name == "set-defect":
            raise ZeroDivisionError("a defect")
        elif name == "enable-asking":
            choice = yield Prompt("Confirm", "Overwrite?", (("&Yes", "do it"), ("&No", "do not")), 0)
            yield Output(f"<I32>{choice}</I32>")
        elif name == "set-needy":
            if "Name" not in arguments:
                raise Terminated(MISSING, (Field("Name", "String"),))
            yield Output(f"<S>{describe(arguments['Name'])}</S>")
        elif name == "set-slow":
            self.entered.set()
            self.proceed.wait(60)
            yield Output("<S>done</S>")
        elif name == "get-echo":
            yield Output(f"<S>{describe(call.arguments[0].value)}</S>")
        else:
            raise Terminated(
                ErrorRecord(
                    f"The term '{call.cmdlet}' is not recognized",
                    "System.Management.Automation.CommandNotFoundException",
                    "CommandNotFoundException",
                    13,
                    call.cmdlet,
                )
            )


def describe(value: Any) -> str:
    """A value as text that a test can compare."""
    if isinstance(value, Secret):
        return f"Secret {value.text}"
    if isinstance(value, Credential):
        return f"Credential {value.user} {value.password.text}"
    if isinstance(value, bytes):
        return f"bytes {len(value)}"
    if isinstance(value, str) and len(value) > 100:
        return f"str {len(value)}"
    return repr(value)


def self_signed(name: str) -> Identity:
    """A certificate and key to present."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Identity(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )


@pytest.fixture
def exchange() -> TinyExchange:
    return TinyExchange()


@pytest.fixture
def lab(exchange: TinyExchange, tmp_path: Path) -> Iterator[ThreadedLab]:
    """A lab without faults, in a thread."""
    with ThreadedLab(exchange, tmp_path / "lab") as running:
        yield running


@pytest.fixture
def identity() -> Callable[[str], Identity]:
    return self_signed


@pytest.fixture
def refused() -> ErrorRecord:
    """What Set-Failing and Get-Broken end with."""
    return REFUSED


@pytest.fixture
def connect() -> Callable[..., Any]:
    """Make stock pypsrp's transport to a server of a lab."""

    def make(lab: ThreadedLab, server: str = "MBX1", role: Role = Role.ADMIN, **options: Any) -> Any:
        account = lab.account(role)
        settings: dict[str, Any] = {
            "port": lab.port(server),
            "path": "wsman" if server.startswith("EDGE") else "PowerShell/?serializationLevel=Full",
            "username": account.name,
            "password": account.password,
            "auth": "basic",
            "cert_validation": str(lab.ca),
            "no_proxy": True,
        }
        return WSMan("127.0.0.1", **{**settings, **options})

    return make
