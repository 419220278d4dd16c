"""The desk: purchase orders sent once, tracking taken in, doubts settled by a person. See connectors.desk."""

from __future__ import annotations

import smtplib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time
from email.utils import formataddr, parseaddr
from hashlib import sha256

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import IntegrityError, transaction
from django.db.models import Case, QuerySet, When
from django.template.loader import render_to_string
from django.utils import timezone
from django_q.tasks import async_task

from accounts.services import audit
from connectors.base import Blocker, BlockerCode, Parcel, ShipmentLine, ShipmentNotice
from connectors.desk import Booked, PurchaseFile, Ticket
from connectors.errors import OutcomeUnknownError, RejectedError, RetryableError
from connectors.filedrop import tracking
from connectors.models import Connection, InboundEvent, PurchaseOrder, PurchaseShipment, PurchaseState
from connectors.services import desk_folder, desk_mails
from connectors.sftp import Entry

TOPIC = "tracking/uploaded"
STOREWARD = "Storeward"
_NOT_THERE = (PurchaseState.FAILED, PurchaseState.UPLOADING)
_FINAL = 500  # SMTP replies from here on are final, RFC 5321 section 4.2.1
# the server said no before it took the mail
_REFUSED = (
    smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError, smtplib.SMTPNotSupportedError,
)  # fmt: skip


class SettledAlready(Exception):
    """Nobody is unsure of this purchase order: it was settled before, or never in doubt."""


class BookDesk:
    """The desk for one connection."""

    def __init__(self, connection_id: int) -> None:
        self._connection_id = connection_id

    def look_up(self, reference: str) -> Booked | None:
        row = self._rows().filter(reference=reference).first()
        return _booked(row) if row else None

    def changed_since(self, since: datetime) -> Sequence[Booked]:
        return [_booked(row) for row in self._rows().filter(updated_at__gte=since).order_by("updated_at", "pk")]

    def send(self, file: PurchaseFile) -> None:
        """The row says "unsure" before the first byte and "sent" after the last: what lies between is never repeated
        without a person."""
        connection = Connection.objects.select_related("merchant").get(pk=self._connection_id)
        row = _begin(connection, file)
        try:
            _mail(connection, file)
        except OutcomeUnknownError:
            raise
        except (RetryableError, RejectedError):
            _end(row, PurchaseState.FAILED)
            raise
        _end(row, PurchaseState.SENT)

    def begin(self, file: PurchaseFile) -> Ticket:
        return desk_folder.begin(self._connection_id, file, at=timezone.now())

    def name_it(self, ticket: Ticket) -> None:
        desk_folder.name_it(self._connection_id, ticket, at=timezone.now())

    def end(self, ticket: Ticket, *, arrived: bool) -> None:
        desk_folder.end(self._connection_id, ticket, arrived=arrived, at=timezone.now())

    def settle(self, reference: str, *, arrived: bool) -> None:
        row = PurchaseOrder.objects.get(connection_id=self._connection_id, reference=reference)
        try:
            settle(order_id=row.pk, arrived=arrived, by=STOREWARD, at=timezone.now())
        except SettledAlready as error:
            row.refresh_from_db(fields=["state"])
            if (row.state == PurchaseState.SENT) != arrived:
                raise RetryableError(f"{error} It says otherwise than what was found: looking again.") from error

    def not_read(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        return desk_folder.not_read(self._connection_id, entries)

    def warn(self, what: str, text: str) -> None:
        desk_folder.warn(self._connection_id, what, text, at=timezone.now())

    def unread(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        return desk_folder.unread(self._connection_id, entries, at=timezone.now())

    def take_in(self, entry: Entry, body: bytes) -> None:
        """The rows that can be taken are, whatever the others are; those are told on the connection's page."""
        at = timezone.now()
        try:
            sheet = tracking.read_each(body)
        except tracking.TrackingFileError as error:
            self.refuse(entry, str(error))
            return
        with transaction.atomic():
            count, faults = _take_each(self._connection_id, sheet, sha256(body).hexdigest(), at=at)
            self._was_read(entry, rows=count, faults=faults, at=at)

    def refuse(self, entry: Entry, why: str) -> None:
        with transaction.atomic():
            self._was_read(entry, rows=0, faults=[why], at=timezone.now())

    def _was_read(self, entry: Entry, *, rows: int, faults: Sequence[str], at: datetime) -> None:
        connection = Connection.objects.select_related("merchant").get(pk=self._connection_id)
        file = desk_folder.was_read(connection, entry, rows=rows, faults=faults, at=at)
        _note_tracking(connection, by=STOREWARD, at=at, rows=rows, faults=len(faults))
        if faults:
            desk_mails.not_taken(connection, file, at=at)

    def _rows(self) -> QuerySet[PurchaseOrder]:
        rows = PurchaseOrder.objects.filter(connection_id=self._connection_id)
        return rows.exclude(state__in=_NOT_THERE).prefetch_related("shipments")


# --- out -------------------------------------------------------------------------------------------


def _begin(connection: Connection, file: PurchaseFile) -> PurchaseOrder:
    """Take the reference, for this process alone. Raises RejectedError when another has it or had it."""
    at = timezone.now()
    fresh = {**desk_folder.columns(file), "state": PurchaseState.SENDING, "updated_at": at}
    mine = PurchaseOrder.objects.filter(connection=connection, reference=file.reference)
    if not mine.filter(state=PurchaseState.FAILED).update(**fresh):
        try:
            with transaction.atomic():
                return PurchaseOrder.objects.create(
                    connection=connection, reference=file.reference, created_at=at, **fresh
                )
        except IntegrityError:
            message = f"PO {file.reference} was mailed before, or is being mailed right now."
            raise RejectedError(message, [Blocker(BlockerCode.OUTCOME_UNKNOWN, message, "reference")]) from None
    return mine.get()


def _end(row: PurchaseOrder, state: PurchaseState) -> None:
    PurchaseOrder.objects.filter(pk=row.pk).update(state=state, updated_at=timezone.now())


def _mail(connection: Connection, file: PurchaseFile) -> None:
    """What fails before the server has the mail certainly did not leave; a silence after that proves nothing."""
    server = get_connection()
    try:
        server.open()
    except (OSError, smtplib.SMTPException) as error:
        raise RetryableError(f"The mail server cannot be reached ({type(error).__name__}).") from error
    try:
        server.send_messages([_compose(connection, file)])
    except _REFUSED as error:
        raise _refusal(error) from error
    except (OSError, smtplib.SMTPException) as error:
        raise OutcomeUnknownError("The mail server did not say whether it took the purchase order.") from error
    finally:
        server.close()


def _refusal(error: Exception) -> RetryableError | RejectedError:
    codes = [code for code, _ in error.recipients.values()] if isinstance(error, smtplib.SMTPRecipientsRefused) else []
    if codes and min(codes) >= _FINAL:
        message = "The mail server refuses the supplier's address. Connect it with the right one."
        return RejectedError(message, [Blocker(BlockerCode.STORE_UNREACHABLE, message, "email")])
    return RetryableError(f"The mail server did not take the purchase order ({type(error).__name__}).")


def _compose(connection: Connection, file: PurchaseFile) -> EmailMessage:
    """The same PO always has the same Message-ID."""
    merchant, sender = connection.merchant, parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    name = " ".join(merchant.name.split())
    digest = sha256(f"{connection.public_id}:{file.reference}".encode()).hexdigest()[:32]
    mail = EmailMessage(
        subject=f"Purchase order {file.reference} from {name}",
        body=render_to_string("connectors/mail/purchase_order.txt", {"merchant": name, "file": file}),
        from_email=formataddr((name, sender)),
        to=[connection.credentials["email"]],
        reply_to=merchant.alert_addresses[:1],
        headers={"Message-ID": f"<{digest}@{sender.rpartition('@')[2]}>"},
    )
    mail.attach(file.name, file.body.decode(), "text/csv")
    return mail


def listed(connection: Connection, *, limit: int) -> list[PurchaseOrder]:
    """What was mailed: first what waits for a person, then the newest."""
    unsure_first = Case(When(state=PurchaseState.SENDING, then=0), default=1)
    return list(connection.purchase_orders.order_by(unsure_first, "-created_at", "-pk")[:limit])


# --- back ------------------------------------------------------------------------------------------


def take_tracking(*, connection_id: int, body: bytes, by: str, at: datetime) -> int:
    """What a tracking file says; see take_sheet()."""
    digest = sha256(body).hexdigest()
    return take_sheet(connection_id=connection_id, sheet=tracking.read_each(body), digest=digest, by=by, at=at)


@transaction.atomic
def take_sheet(*, connection_id: int, sheet: tracking.Sheet, digest: str, by: str, at: datetime) -> int:
    """Write down what the rows say and have those orders read. Returns how many; the same rows again change nothing.

    `digest` tells the bytes that they came in. Raises TrackingFileError with every row that cannot be taken, and then
    nothing of it counts.
    """
    connection, orders = _book(connection_id)
    good, faults = _sorted_out(sheet, orders)
    if faults:
        first, *others = sorted(faults, key=lambda fault: fault.line or tracking.MAX_BYTES)
        raise tracking.TrackingFileError(first.text, line=first.line, others=others)
    count = _take_all(connection, orders, good, digest, at=at)
    _note_tracking(connection, by=by, at=at, rows=len(good))
    return count


def _note_tracking(connection: Connection, *, by: str, at: datetime, **data: int) -> None:
    merchant, name = connection.merchant, connection.name
    audit.record(merchant=merchant, kind="supplier.tracking", subject=name, by=by, at=at, **data)


def _take_each(connection_id: int, sheet: tracking.Sheet, digest: str, *, at: datetime) -> tuple[int, list[str]]:
    """How many rows were taken, and why the others were not."""
    connection, orders = _book(connection_id)
    good, faults = _sorted_out(sheet, orders)
    _take_all(connection, orders, good, digest, at=at)
    return len(good), [str(fault) for fault in faults]


def _sorted_out(
    sheet: tracking.Sheet, orders: Mapping[str, PurchaseOrder]
) -> tuple[list[tracking.TrackingRow], list[tracking.TrackingFileError]]:
    """The rows that can be taken, and what is wrong with the others."""
    good, faults = [], list(sheet.faults)
    for row in sheet.rows:
        try:
            _check(row, orders.get(row.po_number))
        except tracking.TrackingFileError as fault:
            faults.append(fault)
        else:
            good.append(row)
    return good, faults


def _book(connection_id: int) -> tuple[Connection, dict[str, PurchaseOrder]]:
    """The connection under its lock, and its orders by PO number."""
    connection = Connection.objects.select_for_update(of=("self",)).select_related("merchant").get(pk=connection_id)
    orders = connection.purchase_orders.exclude(state__in=_NOT_THERE)
    return connection, {row.reference: row for row in orders}


def _take_all(
    connection: Connection,
    orders: Mapping[str, PurchaseOrder],
    rows: Sequence[tracking.TrackingRow],
    digest: str,
    *,
    at: datetime,
) -> int:
    """Write down rows about our orders, and have those orders read. Returns how many orders changed."""
    changed = {orders[row.po_number].pk for row in rows if _take(orders[row.po_number], row, at=at)}
    PurchaseOrder.objects.filter(pk__in=changed).update(updated_at=at, state=PurchaseState.SENT)
    for order in orders.values():
        if order.pk in changed:
            _tell(connection, order, digest, at=at)
    return len(changed)


@transaction.atomic
def settle(*, order_id: int, arrived: bool, by: str, at: datetime) -> None:
    """Somebody found out whether a purchase order arrived that nobody knew of. Raises SettledAlready."""
    unsure = PurchaseOrder.objects.filter(pk=order_id, state=PurchaseState.SENDING)
    state = PurchaseState.SENT if arrived else PurchaseState.FAILED
    settled = unsure.update(state=state, updated_at=at)
    row = PurchaseOrder.objects.select_related("connection__merchant").get(pk=order_id)
    if not settled:
        raise SettledAlready(f"PO {row.reference} is settled already: {row.get_state_display().lower()}.")
    merchant = row.connection.merchant
    audit.record(merchant=merchant, kind="supplier.settled", subject=row.reference, by=by, at=at, arrived=arrived)


def forget_customer(*, connection_id: int, reference: str) -> None:
    """Empty what a purchase order says of the customer. One that nobody knows the outcome of is told by its bytes, and keeps them."""
    known = PurchaseOrder.objects.filter(state__in=[PurchaseState.SENT, PurchaseState.FAILED])
    known.filter(connection_id=connection_id, reference=reference).update(body="")


def _check(row: tracking.TrackingRow, order: PurchaseOrder | None) -> None:
    if order is None:
        raise tracking.TrackingFileError(f"this supplier has no PO {row.po_number}.", line=row.line)
    if row.sku not in {sku for sku, _ in order.units}:
        raise tracking.TrackingFileError(f"PO {row.po_number} has no product {row.sku}.", line=row.line)


def _take(order: PurchaseOrder, row: tracking.TrackingRow, *, at: datetime) -> bool:
    """True when it says something new. A number that comes later takes the place of the row that had none."""
    said = {
        "quantity": row.quantity,
        "carrier": row.carrier,
        "tracking_url": row.tracking_url,
        "shipped_on": row.shipped_on,
    }
    same = PurchaseShipment.objects.filter(order=order, sku=row.sku)
    known = same.filter(tracking_number=row.tracking_number).first()
    if known and all(getattr(known, name) == value for name, value in said.items()):
        return False
    PurchaseShipment.objects.update_or_create(
        order=order, sku=row.sku, tracking_number=row.tracking_number, defaults={**said, "updated_at": at}
    )
    if row.tracking_number:
        same.filter(tracking_number="").delete()
    return True


def _tell(connection: Connection, order: PurchaseOrder, digest: str, *, at: datetime) -> None:
    """The same door as a webhook's: a worker reads the order."""
    event, is_new = InboundEvent.objects.get_or_create(
        connection=connection,
        event_id=f"{TOPIC}:{order.reference}:{at.isoformat()}",
        defaults={
            "topic": TOPIC,
            "remote_order_id": order.reference,
            "reference": order.reference,
            "body_digest": digest,
            "received_at": at,
        },
    )
    if is_new:
        transaction.on_commit(lambda: async_task(settings.INBOUND_TASK, event.pk), robust=True)


def _booked(row: PurchaseOrder) -> Booked:
    return Booked(
        reference=row.reference,
        is_sent=row.state == PurchaseState.SENT,
        created_at=row.created_at,
        updated_at=row.updated_at,
        shipments=tuple(_notices(row.shipments.all(), row.updated_at)),
        file=desk_folder.file_of(row),
        token=row.token,
    )


def _notices(rows: Iterable[PurchaseShipment], updated_at: datetime) -> Iterable[ShipmentNotice]:
    """One fulfillment for each tracking number."""
    parcels: dict[str, list[PurchaseShipment]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.pk):
        parcels[row.tracking_number].append(row)
    for number, units in parcels.items():
        shipped_on = next((row.shipped_on for row in units if row.shipped_on), None)
        yield ShipmentNotice(
            remote_id=number or "untracked",
            status="success",
            lines=tuple(ShipmentLine(sku=row.sku, quantity=row.quantity, variant_id=row.sku) for row in units),
            parcels=(Parcel(units[0].carrier, number, units[0].tracking_url),) if number else (),
            shipped_at=datetime.combine(shipped_on, time(12), UTC) if shipped_on else None,
            updated_at=updated_at,
        )
