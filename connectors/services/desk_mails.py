"""What a merchant is told of a supplier's tracking files. A mail leaves after the commit of what it tells."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from connectors.models import Connection, SyncSettings, TrackingFile

ONCE_IN = timedelta(days=1)  # for each supplier: one that is wrong is wrong in file after file
SHOWN = 5


def not_taken(connection: Connection, file: TrackingFile, *, at: datetime) -> None:
    """To the connection's alert addresses, or the merchant's. Inside the transaction that writes the file down as read."""
    told = SyncSettings.objects.filter(connection=connection).values_list("alert_addresses", flat=True).first()
    to = told or connection.merchant.alert_addresses
    if not to or _was_told(connection, file, at):
        return
    path = reverse("connectors:detail", args=[connection.public_id])
    context = {
        "connection": connection,
        "file": file,
        "faults": file.faults[:SHOWN],
        "more": max(0, len(file.faults) - SHOWN),
        "url": f"{settings.BASE_URL}{path}",
    }
    text = render_to_string("connectors/mail/tracking_file.txt", context)
    mail = EmailMessage(f"Tracking from {' '.join(connection.name.split())} could not all be read", text, to=to)
    transaction.on_commit(mail.send, robust=True)


def _was_told(connection: Connection, file: TrackingFile, at: datetime) -> bool:
    bad = connection.tracking_files.filter(read_at__gt=at - ONCE_IN).exclude(faults=[]).exclude(pk=file.pk)
    return bad.exists()
