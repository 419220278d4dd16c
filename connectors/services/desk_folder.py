"""The desk's book of suppliers by SFTP: uploads, each under a ticket, and which files of a folder were read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet

from accounts.models import AuditEvent
from accounts.services import audit
from connectors.base import Blocker, BlockerCode
from connectors.credentials import readable
from connectors.desk import PurchaseFile, Ticket
from connectors.errors import RejectedError, RetryableError
from connectors.models import Connection, PurchaseOrder, PurchaseState, TrackingFile
from connectors.services import desk_mails
from connectors.sftp import Entry

STOREWARD = "Storeward"
WARNED = "supplier.tracking_folder"
UPLOAD_ENDS = timedelta(seconds=60)  # longer than a session lives: by then whoever uploads has ended or is late
SETTLES = timedelta(seconds=30)  # a file that is the same after this is not being written any more
FAULTS_KEPT = 50


def begin(connection_id: int, file: PurchaseFile, *, at: datetime) -> Ticket:
    """Take the reference: free, or left by one who did not come back."""
    mine = PurchaseOrder.objects.filter(connection_id=connection_id, reference=file.reference)
    fresh = {**columns(file), "state": PurchaseState.UPLOADING, "updated_at": at}
    left = Q(state=PurchaseState.UPLOADING, updated_at__lte=at - UPLOAD_ENDS)
    with transaction.atomic():
        if mine.filter(Q(state=PurchaseState.FAILED) | left).update(**fresh, token=F("token") + 1):
            return Ticket(file.reference, mine.get().token)
    try:
        with transaction.atomic():
            PurchaseOrder.objects.create(
                connection_id=connection_id, reference=file.reference, created_at=at, token=1, **fresh
            )
    except IntegrityError:
        raise _taken(mine.get()) from None
    return Ticket(file.reference, 1)


def name_it(connection_id: int, ticket: Ticket, *, at: datetime) -> None:
    """From here on the supplier may have it."""
    if not _held(connection_id, ticket, PurchaseState.UPLOADING).update(state=PurchaseState.SENDING, updated_at=at):
        raise RetryableError(f"PO {ticket.reference} was taken over by another process.")


def end(connection_id: int, ticket: Ticket, *, arrived: bool, at: datetime) -> None:
    state = PurchaseState.SENT if arrived else PurchaseState.FAILED
    under_way = (PurchaseState.UPLOADING, PurchaseState.SENDING)
    _held(connection_id, ticket, *under_way).update(state=state, updated_at=at)


def file_of(row: PurchaseOrder) -> PurchaseFile:
    return PurchaseFile(
        row.reference, row.file_name, row.body.encode(), tuple((sku, count) for sku, count in row.units)
    )


def columns(file: PurchaseFile) -> dict[str, Any]:
    """A purchase order as the book keeps it."""
    return {"file_name": file.name, "body": file.body.decode(), "units": [list(pair) for pair in file.units]}


def unread(connection_id: int, entries: Sequence[Entry], *, at: datetime) -> list[Entry]:
    """Those that are the same as when they were seen SETTLES ago, and were not read. What is new is written down."""
    rows = TrackingFile.objects.filter(connection_id=connection_id, name__in=[entry.name for entry in entries])
    known = {(row.name, row.size, row.modified_at): row for row in rows}
    new = [entry for entry in entries if _key(entry) not in known]
    rows.filter(read_at=None, name__in=[entry.name for entry in new]).delete()  # it went on growing since
    TrackingFile.objects.bulk_create(
        [
            TrackingFile(
                connection_id=connection_id, name=each.name, size=each.size, modified_at=each.modified_at, seen_at=at
            )
            for each in new
        ],
        ignore_conflicts=True,
    )
    due = {key for key, row in known.items() if row.read_at is None and row.seen_at <= at - SETTLES}
    return [entry for entry in entries if _key(entry) in due]


def not_read(connection_id: int, entries: Sequence[Entry]) -> list[Entry]:
    """Those that were not read under the same name, size and time."""
    rows = TrackingFile.objects.filter(connection_id=connection_id, name__in=[entry.name for entry in entries])
    read = set(rows.exclude(read_at=None).values_list("name", "size", "modified_at"))
    return [entry for entry in entries if _key(entry) not in read]


@transaction.atomic
def warn(connection_id: int, what: str, text: str, *, at: datetime) -> None:
    """Told by mail and in the merchant's record, once in a day of each `what` while it lasts."""
    connection = Connection.objects.select_for_update(of=("self",)).select_related("merchant").get(pk=connection_id)
    if _warnings(connection, at=at).filter(data__what=what).exists():
        return
    audit.record(
        merchant=connection.merchant, kind=WARNED, subject=connection.name, by=STOREWARD, at=at,
        connection=connection.public_id, what=what, text=text,
    )  # fmt: skip
    desk_mails.of_folder(connection, what, text, at=at)


def warning(connection: Connection, *, at: datetime) -> AuditEvent | None:
    """What was told last of the folder for tracking, in the last day."""
    return _warnings(connection, at=at).order_by("-pk").first()


def _warnings(connection: Connection, *, at: datetime) -> QuerySet[AuditEvent]:
    told = AuditEvent.objects.filter(merchant=connection.merchant_id, kind=WARNED, at__gt=at - desk_mails.ONCE_IN)
    return told.filter(data__connection=connection.public_id)


def was_read(connection: Connection, entry: Entry, *, rows: int, faults: Sequence[str], at: datetime) -> TrackingFile:
    """Also one that nobody had seen before."""
    more = len(faults) - FAULTS_KEPT
    told = [*faults[:FAULTS_KEPT], *([f"{more} more rows could not be taken."] if more > 0 else [])]
    file, _ = TrackingFile.objects.update_or_create(
        connection=connection,
        name=entry.name,
        size=entry.size,
        modified_at=entry.modified_at,
        defaults={"read_at": at, "rows": rows, "faults": told},
        create_defaults={"seen_at": at, "read_at": at, "rows": rows, "faults": told},
    )
    return file


def listed(connection: Connection, *, limit: int) -> list[TrackingFile]:
    """What was found in the folder for tracking, newest first."""
    return list(connection.tracking_files.order_by("-seen_at", "-pk")[:limit])


def fetches(connection: Connection) -> bool:
    """Whether a folder for tracking was given."""
    return readable(connection.credentials) and bool(connection.credentials.get("tracking_folder"))


def _held(connection_id: int, ticket: Ticket, *states: PurchaseState) -> Any:
    return PurchaseOrder.objects.filter(
        connection_id=connection_id, reference=ticket.reference, token=ticket.token, state__in=states
    )


def _taken(row: PurchaseOrder) -> RetryableError | RejectedError:
    if row.state == PurchaseState.UPLOADING:
        return RetryableError(f"PO {row.reference} is being uploaded right now.")
    message = f"PO {row.reference} was sent before, or may have been."
    return RejectedError(message, [Blocker(BlockerCode.OUTCOME_UNKNOWN, message, "reference")])


def _key(entry: Entry) -> tuple[str, int, int]:
    return (entry.name, entry.size, entry.modified_at)
