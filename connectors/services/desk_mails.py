"""What a merchant is told of a supplier's tracking files. A mail leaves after the commit of what it tells."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from connectors.models import Connection, SyncSettings, TrackingFile

ONCE_IN = timedelta(days=1)  # for each supplier: one that is wrong is wrong in file after file
SHOWN = 5


def not_taken(connection: Connection, file: TrackingFile, *, at: datetime) -> None:
    """Inside the transaction that writes the file down as read."""
    if _was_told(connection, file, at):
        return
    context = {"file": file, "faults": file.faults[:SHOWN], "more": max(0, len(file.faults) - SHOWN)}
    subject = f"Tracking from {_name(connection)} could not all be read"
    _mail(connection, subject, "connectors/mail/tracking_file.txt", context)


def of_folder(connection: Connection, text: str) -> None:
    """Inside the transaction that notes it."""
    subject = f"The folder for tracking of {_name(connection)} needs a look"
    _mail(connection, subject, "connectors/mail/tracking_folder.txt", {"text": text})


def _mail(connection: Connection, subject: str, template: str, context: Mapping[str, Any]) -> None:
    """To the connection's alert addresses, or the merchant's; nobody, where there are none."""
    told = SyncSettings.objects.filter(connection=connection).values_list("alert_addresses", flat=True).first()
    to = told or connection.merchant.alert_addresses
    if not to:
        return
    path = reverse("connectors:detail", args=[connection.public_id])
    text = render_to_string(template, {"connection": connection, "url": f"{settings.BASE_URL}{path}", **context})
    mail = EmailMessage(subject, text, to=to)
    transaction.on_commit(mail.send, robust=True)


def _name(connection: Connection) -> str:
    return " ".join(connection.name.split())


def _was_told(connection: Connection, file: TrackingFile, at: datetime) -> bool:
    bad = connection.tracking_files.filter(read_at__gt=at - ONCE_IN).exclude(faults=[]).exclude(pk=file.pk)
    return bad.exists()
