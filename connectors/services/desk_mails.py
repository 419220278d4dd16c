"""What a merchant is told of a supplier's tracking files. A worker sends what is promised here."""

from __future__ import annotations

from datetime import datetime, timedelta

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
    """To the connection's alert addresses, the merchant's, or its owners. Inside the transaction that writes the file down."""
    if not _was_told(connection, file, at):
        import_string(settings.PROMISE_LETTER)(
            "tracking_file", merchant_id=connection.merchant_id, cause=str(file.pk), about={"file_id": file.pk}, at=at
        )


def letter(*, file_id: int, at: datetime) -> EmailMessage | None:
    """None when the merchant has nobody who could read it."""
    file = TrackingFile.objects.select_related("connection__merchant").get(pk=file_id)
    connection = file.connection
    to = _addresses(connection)
    if not to:
        return None
    path = reverse("connectors:detail", args=[connection.public_id])
    context = {
        "connection": connection,
        "file": file,
        "faults": file.faults[:SHOWN],
        "more": max(0, len(file.faults) - SHOWN),
        "url": f"{settings.BASE_URL}{path}",
    }
    text = render_to_string("connectors/mail/tracking_file.txt", context)
    return EmailMessage(f"Tracking from {' '.join(connection.name.split())} could not all be read", text, to=to)


def _addresses(connection: Connection) -> list[str]:
    told = SyncSettings.objects.filter(connection=connection).values_list("alert_addresses", flat=True).first()
    owners = Membership.objects.filter(merchant=connection.merchant, role=Role.OWNER, user__is_active=True)
    chosen = told or connection.merchant.alert_addresses
    return list(chosen or owners.order_by("pk").values_list("user__email", flat=True))


def _was_told(connection: Connection, file: TrackingFile, at: datetime) -> bool:
    bad = connection.tracking_files.filter(read_at__gt=at - ONCE_IN).exclude(faults=[]).exclude(pk=file.pk)
    return bad.exists()
