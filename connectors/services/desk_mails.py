"""What a merchant is told of a supplier's tracking files. A worker sends what is promised here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.module_loading import import_string

from accounts.models import Membership, Role
from connectors.models import Connection, SyncSettings, TrackingFile

ONCE_IN = timedelta(days=1)  # for each supplier: one that is wrong is wrong in file after file
SHOWN = 5


def not_taken(connection: Connection, file: TrackingFile, *, at: datetime) -> None:
    """Inside the transaction that writes the file down as read."""
    if not _was_told(connection, file, at):
        _promise("tracking_file", connection, cause=str(file.pk), about={"file_id": file.pk}, at=at)


def of_folder(connection: Connection, what: str, text: str, *, at: datetime) -> None:
    """Inside the transaction that notes it. `text` names nothing but the folder."""
    about = {"connection_id": connection.pk, "text": text}
    _promise("tracking_folder", connection, cause=f"{connection.pk}:{what}:{at.isoformat()}", about=about, at=at)


def letter(*, file_id: int, at: datetime) -> EmailMessage | None:
    """None when the merchant has nobody who could read it."""
    file = TrackingFile.objects.select_related("connection__merchant").get(pk=file_id)
    context = {"file": file, "faults": file.faults[:SHOWN], "more": max(0, len(file.faults) - SHOWN)}
    subject = f"Tracking from {_name(file.connection)} could not all be read"
    return _mail(file.connection, subject, "connectors/mail/tracking_file.txt", context)


def folder_letter(*, connection_id: int, text: str, at: datetime) -> EmailMessage | None:
    """The same about the folder."""
    connection = Connection.objects.select_related("merchant").get(pk=connection_id)
    subject = f"The folder for tracking of {_name(connection)} needs a look"
    return _mail(connection, subject, "connectors/mail/tracking_folder.txt", {"text": text})


def _promise(letter: str, connection: Connection, *, cause: str, about: dict[str, Any], at: datetime) -> None:
    promise = import_string(settings.PROMISE_LETTER)
    promise(letter, merchant_id=connection.merchant_id, cause=cause, about=about, at=at)


def _mail(connection: Connection, subject: str, template: str, context: Mapping[str, Any]) -> EmailMessage | None:
    """To the connection's alert addresses, the merchant's, or its owners; None where there are none."""
    to = _addresses(connection)
    if not to:
        return None
    path = reverse("connectors:detail", args=[connection.public_id])
    text = render_to_string(template, {"connection": connection, "url": f"{settings.BASE_URL}{path}", **context})
    return EmailMessage(subject, text, to=to)


def _addresses(connection: Connection) -> list[str]:
    told = SyncSettings.objects.filter(connection=connection).values_list("alert_addresses", flat=True).first()
    owners = Membership.objects.filter(merchant=connection.merchant, role=Role.OWNER, user__is_active=True)
    chosen = told or connection.merchant.alert_addresses
    return list(chosen or owners.order_by("pk").values_list("user__email", flat=True))


def _name(connection: Connection) -> str:
    return " ".join(connection.name.split())


def _was_told(connection: Connection, file: TrackingFile, at: datetime) -> bool:
    bad = connection.tracking_files.filter(read_at__gt=at - ONCE_IN).exclude(faults=[]).exclude(pk=file.pk)
    return bad.exists()
