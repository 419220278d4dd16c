"""Merchants' accounts at carriers: connected after a test, their drivers, and the mails to those that are asked by mail."""

from __future__ import annotations

import smtplib
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from email.utils import formataddr, parseaddr
from functools import partial
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction

from accounts.models import Merchant
from accounts.services import audit
from connectors.carriers import ups
from connectors.carriers.base import Carrier, CarrierLogin, Letter, Place
from connectors.carriers.registry import CARRIERS
from connectors.errors import OutcomeUnknownError, RejectedError, RetryableError
from connectors.http import HttpClient
from connectors.models import CarrierAccount, CarrierState
from connectors.practice.carriers.models import PracticeCarrier
from connectors.services import practice

_FINAL = 500  # SMTP replies from here on are final, RFC 5321 section 4.2.1


def carrier_for(account: CarrierAccount) -> Carrier:
    """The driver for one account. Close it when the work is done."""
    http = HttpClient(allow_loopback=settings.ALLOW_LOOPBACK, deadline_s=settings.HTTP_DEADLINE_S)
    login = CarrierLogin(
        base_url=account.base_url,
        email=account.email,
        account_number=account.account_number,
        credentials=account.credentials,
        country_code=account.country_code,
        sender=_sender(),
    )
    return CARRIERS[account.carrier](login, http, partial(_post, account))


def place_of(account: CarrierAccount) -> Place:
    return Place(**{name: getattr(account, name) for name in Place.__slots__})


def connect(
    *,
    merchant_id: int,
    carrier: str,
    name: str,
    place: Place,
    time_zone: str = "",
    typed: Mapping[str, str],
    by: str,
    at: datetime,
) -> CarrierAccount:
    """Ask the carrier whether the account works, then keep it. `time_zone` is the place's; empty: the merchant's.

    Raises FieldError or ConnectorError; then nothing is kept.
    """
    account = CarrierAccount(merchant_id=merchant_id, carrier=carrier, name=name, time_zone=time_zone, **asdict(place))
    if carrier == ups.UpsCarrier.key:
        account.base_url, account.account_number, account.credentials = ups.read_login(
            typed, base_url=practice.typed(typed["base_url"])
        )
    else:
        account.email = typed["email"]
    _check(account)
    account.tested_at = at
    with transaction.atomic():
        account.save()
        _note(account, "carrier.connected", by=by, at=at)
    return account


def change(*, account_id: int, changes: Mapping[str, str], by: str, at: datetime) -> CarrierAccount:
    """Change columns of an account, or its keys, once the carrier has answered it as it is to be.

    Which account it is, and where it is asked, stays: what was asked for there is looked for there. Pickups and labels that
    were asked for keep the address they have. Raises FieldError or ConnectorError, and then nothing is kept;
    CarrierAccount.DoesNotExist when it was disconnected meanwhile.
    """
    trial = CarrierAccount.objects.standing().get(pk=account_id)
    _become(trial, changes)
    _check(trial)
    with transaction.atomic():
        account = CarrierAccount.objects.standing().select_for_update().get(pk=account_id)
        changed = _become(account, changes)
        account.tested_at = at
        account.save(update_fields=[*changed, "tested_at"])
        if changed:
            names = ["keys" if name == "credentials" else name for name in changed]
            _note(account, "carrier.changed", by=by, at=at, changed=names)
    return account


def test(*, account_id: int, at: datetime) -> CarrierAccount:
    """Ask again. Raises ConnectorError."""
    account = CarrierAccount.objects.get(pk=account_id)
    _check(account)
    CarrierAccount.objects.filter(pk=account_id).update(tested_at=at)
    return account


@transaction.atomic
def disconnect(*, account_id: int, by: str, at: datetime) -> None:
    """Forget the credentials. Pickups that are arranged stay arranged there."""
    account = CarrierAccount.objects.select_for_update().get(pk=account_id)
    if account.state == CarrierState.REMOVED:
        return
    account.state, account.credentials = CarrierState.REMOVED, {}
    account.save(update_fields=["state", "credentials"])
    _note(account, "carrier.disconnected", by=by, at=at)


def offers(merchant: Merchant) -> list[PracticeCarrier]:
    """Practice carriers that the merchant has not connected."""
    if not settings.PRACTICE_STORES:
        return []
    taken = set(CarrierAccount.objects.of(merchant).standing().values_list("base_url", flat=True))
    return [row for row in PracticeCarrier.objects.order_by("name", "pk") if address_of(row) not in taken]


def address_of(carrier: PracticeCarrier) -> str:
    return f"{practice.prefix()}carriers/{carrier.slug}"


def _become(account: CarrierAccount, changes: Mapping[str, str]) -> list[str]:
    """Set what is to be; the columns that differ from before."""
    wanted: dict[str, Any] = {name: value for name, value in changes.items() if name not in ups.KEYS}
    if len(wanted) < len(changes):
        wanted["credentials"] = ups.read_keys(changes)
    wanted["name"] = wanted.get("name", account.name) or CARRIERS[account.carrier].label
    changed = [name for name, value in wanted.items() if getattr(account, name) != value]
    for name in changed:
        setattr(account, name, wanted[name])
    return changed


def _check(account: CarrierAccount) -> None:
    with closing(carrier_for(account)) as driver:
        driver.check()


def _note(account: CarrierAccount, kind: str, *, by: str, at: datetime, **data: list[str]) -> None:
    merchant = Merchant.objects.get(pk=account.merchant_id)
    audit.record(merchant=merchant, kind=kind, subject=account.name, by=by, at=at, account=account.public_id, **data)


def _post(account: CarrierAccount, letter: Letter) -> None:
    """What fails before the server has the mail certainly did not leave; a silence after that proves nothing."""
    server = get_connection()
    try:
        server.open()
    except (OSError, smtplib.SMTPException) as error:
        raise RetryableError(f"The mail server cannot be reached ({type(error).__name__}).") from error
    try:
        server.send_messages([_compose(account, letter)])
    except smtplib.SMTPRecipientsRefused as error:
        if all(code >= _FINAL for code, _ in error.recipients.values()):
            raise RejectedError(
                "The mail server refuses the carrier's address. Connect it with the right one."
            ) from error
        raise RetryableError("The mail server did not take the address yet.") from error
    except (OSError, smtplib.SMTPException) as error:
        raise OutcomeUnknownError("The mail server did not say whether it took the mail.") from error
    finally:
        server.close()


def _compose(account: CarrierAccount, letter: Letter) -> EmailMessage:
    """The same letter always has the same Message-ID."""
    merchant, sender = account.merchant, _sender()
    name = " ".join(merchant.name.split())
    digest = sha256(f"{account.public_id}:{letter.key}".encode()).hexdigest()[:32]
    mail = EmailMessage(
        subject=f"{letter.subject} ({name})",
        body=letter.text,
        from_email=formataddr((name, sender)),
        to=[letter.to],
        reply_to=merchant.alert_addresses[:1],
        headers={"Message-ID": f"<{digest}@{sender.rpartition('@')[2]}>"},
    )
    mail.attach(letter.file_name, letter.content.decode(), letter.content_type)
    return mail


def _sender() -> str:
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
