"""``certificates --answer --password``: a certificate that was bought with its key, imported now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from reconciler.apply.journey import Parcel, new_password
from reconciler.config.desired import Desired
from reconciler.credentials.errors import CredentialError
from reconciler.credentials.reference import resolve_password
from reconciler.diagnostics import Diagnostic
from reconciler.exchange.secrecy import SecretBytes, SecureString
from reconciler.pki.answer_problems import wrong_answer
from reconciler.pki.bought import Bought, carried, check_bought, read_bought
from reconciler.pki.pkcs12 import LARGEST
from reconciler.pki.sent import NotAnAnswer
from state.address import Address
from state.resources import Certificate
from state.values import Thumbprint

from .applying import ApplyOutcome, Approve, Demand, apply_declared
from .concerned import bound_to, with_same_key
from .failed import OperationFailed
from .inputs import Inputs, Surroundings, load_declared
from .sent_file import read_sent
from .servers import require_declared


@dataclass(frozen=True, slots=True)
class Purchase:
    """What was bought.

    Attributes:
        file: A PKCS#12.
        password: Reference to its password.
        base: Folder that a relative path in the reference counts from.
    """

    file: Path
    password: str
    base: Path


def run_bought(
    address: Address, purchase: Purchase, inputs: Inputs, surroundings: Surroundings, approve: Approve
) -> ApplyOutcome:
    """Plan and apply that a certificate becomes what was bought, and nothing else.

    It is checked before any server is asked. Its key is in memory, encrypted, and in no plan, record or
    journal.

    Raises:
        OperationFailed: nothing was changed.
    """
    declared = load_declared(inputs, surroundings)
    desired = declared.desired
    require_declared(desired, (address,))
    bought, parcel = _opened(address, _asked(address, desired), purchase, surroundings)
    try:
        wanted = with_same_key(address, _asked(address, desired), desired)
        demand = Demand(
            operation="certificates --answer",
            targets=(*wanted, *bound_to(wanted, desired)),
            bought=MappingProxyType(dict.fromkeys(wanted, bought)),
            parcels=MappingProxyType(dict.fromkeys(wanted, parcel)),
        )
        return apply_declared(declared, inputs, surroundings, approve, demand)
    finally:
        parcel.wipe()


def _asked(address: Address, desired: Desired) -> Certificate:
    asked = desired.snapshot.resources[address]
    if not isinstance(asked, Certificate):
        raise OperationFailed((_not_for(address, "it is no certificate"),))
    if asked.mode == "observe":
        raise OperationFailed((_not_for(address, "it is only observed"),))
    return asked


def _opened(
    address: Address, asked: Certificate, purchase: Purchase, surroundings: Surroundings
) -> tuple[Bought, Parcel]:
    """What was bought, checked, and ready to be sent.

    Raises:
        OperationFailed: it is not what is declared.
    """
    password = _password(purchase)
    data = read_sent(purchase.file, LARGEST)
    try:
        bought = read_bought(data, password)
        wrong = check_bought(bought, asked, surroundings.now())
    except NotAnAnswer as error:
        wrong = (error.problem,)
    if wrong:
        raise OperationFailed((wrong_answer(address, str(purchase.file), wrong, is_bought=True),))
    if isinstance(asked.thumbprint, Thumbprint) and asked.thumbprint != bought.leaf.thumbprint:
        reason = f"thumbprint {asked.thumbprint} is declared, and this one has {bought.leaf.thumbprint}"
        raise OperationFailed((_not_for(address, reason),))
    content, its_password = carried(data, password, bought, new_password())
    return bought, Parcel(SecretBytes(content), SecureString(its_password), bought.chain)


def _password(purchase: Purchase) -> str:
    try:
        return resolve_password(purchase.password, purchase.base)
    except CredentialError as error:
        raise OperationFailed(
            (
                Diagnostic(
                    summary="Password not available",
                    detail=f"The password of {purchase.file} cannot be had: {error}. Nothing was sent.",
                    hint=(
                        "--password takes env:NAME, file:PATH, keyring:SERVICE or command:PROGRAM, which "
                        "leads to the password alone, on one line"
                    ),
                ),
            )
        ) from error


def _not_for(address: Address, reason: str) -> Diagnostic:
    return Diagnostic(
        summary="Nothing to import it for",
        detail=f"{address} cannot become what was bought: {reason}.",
        hint="reconciler certificates PATH lists the certificates that are declared",
        subject=str(address),
    )
