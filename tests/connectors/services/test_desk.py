"""The desk: a purchase order is mailed once, whatever the mail server does; tracking is taken in whole or not at all."""

from __future__ import annotations

import smtplib

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from accounts.models import AuditEvent
from connectors.desk import PurchaseFile
from connectors.errors import OutcomeUnknownError, RejectedError, RetryableError
from connectors.filedrop.tracking import TrackingFileError
from connectors.models import Connection, InboundEvent, PurchaseOrder, PurchaseShipment, PurchaseState
from connectors.services import desk
from connectors.services.desk import BookDesk
from tests.factories import NOON, make_connection

pytestmark = pytest.mark.django_db

FILE = PurchaseFile("SW-1", "PO-SW-1.csv", b"po_number,sku\r\nSW-1,A\r\n", (("A", 2), ("B", 1)))


@pytest.fixture
def connection(merchant) -> Connection:
    given = {"email": "orders@mill.example", "currency": "USD"}
    return make_connection(merchant, platform="filedrop", base_url="mailto:orders@mill.example", credentials=given)


@pytest.fixture
def book(connection) -> BookDesk:
    return BookDesk(connection.pk)


def refuses(monkeypatch, error: Exception, *, at: str = "send_messages") -> None:
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(EmailBackend, at, fail)


def take(connection, *rows: str) -> int:
    body = "\n".join(["po_number,sku,quantity,carrier,tracking_number", *rows]).encode()
    return desk.take_tracking(connection_id=connection.pk, body=body, by="ana", at=NOON)


def shipments() -> list[tuple]:
    return list(PurchaseShipment.objects.order_by("pk").values_list("sku", "quantity", "tracking_number"))


def test_the_mail_carries_the_file_and_the_book_has_it(book, merchant):
    book.send(FILE)

    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["orders@mill.example"], f"Purchase order SW-1 from {merchant.name}")
    assert sent.attachments == [("PO-SW-1.csv", FILE.body.decode(), "text/csv")]
    assert book.look_up("SW-1").is_sent


def test_the_same_reference_is_not_mailed_again(book):
    book.send(FILE)

    with pytest.raises(RejectedError, match="mailed before"):
        book.send(FILE)
    assert len(mail.outbox) == 1


def test_a_server_that_cannot_be_reached_leaves_it_to_be_tried_again(book, monkeypatch):
    with monkeypatch.context() as patched:
        refuses(patched, ConnectionRefusedError(), at="open")
        with pytest.raises(RetryableError) as caught:
            book.send(FILE)
    assert not isinstance(caught.value, OutcomeUnknownError)
    assert book.look_up("SW-1") is None

    book.send(FILE)
    assert (len(mail.outbox), PurchaseOrder.objects.get().state) == (1, PurchaseState.SENT)


@pytest.mark.parametrize("error", [smtplib.SMTPServerDisconnected(), TimeoutError(), ConnectionResetError()])
def test_a_silence_after_the_mail_was_begun_is_no_answer(book, monkeypatch, error):
    refuses(monkeypatch, error)

    with pytest.raises(OutcomeUnknownError):
        book.send(FILE)
    assert not book.look_up("SW-1").is_sent


@pytest.mark.parametrize(("code", "kind"), [(550, RejectedError), (450, RetryableError)])
def test_a_refused_address_was_sent_nothing(book, monkeypatch, code, kind):
    refuses(monkeypatch, smtplib.SMTPRecipientsRefused({"orders@mill.example": (code, b"no")}))

    with pytest.raises(kind):
        book.send(FILE)
    assert PurchaseOrder.objects.get().state == PurchaseState.FAILED


@pytest.mark.parametrize(("arrived", "found"), [(True, True), (False, False)])
def test_a_person_settles_what_nobody_knows(book, monkeypatch, arrived, found):
    with monkeypatch.context() as patched:
        refuses(patched, TimeoutError())
        with pytest.raises(OutcomeUnknownError):
            book.send(FILE)
    row = PurchaseOrder.objects.get()

    desk.settle(order_id=row.pk, arrived=arrived, by="ana", at=NOON)

    assert (book.look_up("SW-1") is not None) == found
    with pytest.raises(desk.SettledAlready, match="PO SW-1 is settled already"):
        desk.settle(order_id=row.pk, arrived=arrived, by="ana", at=NOON)
    assert AuditEvent.objects.get(kind="supplier.settled").data == {"arrived": arrived}


@pytest.mark.parametrize("arrived", [True, False])
def test_what_a_driver_found_is_not_dropped_when_a_person_said_otherwise(book, monkeypatch, arrived):
    with monkeypatch.context() as patched:
        refuses(patched, TimeoutError())
        with pytest.raises(OutcomeUnknownError):
            book.send(FILE)
    desk.settle(order_id=PurchaseOrder.objects.get().pk, arrived=arrived, by="ana", at=NOON)

    book.settle("SW-1", arrived=arrived)
    with pytest.raises(RetryableError, match="looking again"):
        book.settle("SW-1", arrived=not arrived)

    assert AuditEvent.objects.filter(kind="supplier.settled").count() == 1


def test_each_tracking_number_is_a_shipment_and_the_order_is_read(book, connection):
    book.send(FILE)

    assert take(connection, "SW-1,A,1,UPS,1Z1", "SW-1,A,1,UPS,1Z2", "SW-1,B,1,UPS,1Z2") == 1

    told = book.look_up("SW-1").shipments
    assert [(one.remote_id, [(unit.sku, unit.quantity) for unit in one.lines]) for one in told] == [
        ("1Z1", [("A", 1)]),
        ("1Z2", [("A", 1), ("B", 1)]),
    ]
    assert InboundEvent.objects.get().remote_order_id == "SW-1"


def test_the_same_file_again_changes_nothing(book, connection):
    book.send(FILE)
    take(connection, "SW-1,A,2,UPS,1Z1")

    assert take(connection, "SW-1,A,2,UPS,1Z1") == 0
    assert shipments() == [("A", 2, "1Z1")]


def test_a_number_that_comes_later_replaces_the_row_that_had_none(book, connection):
    book.send(FILE)
    take(connection, "SW-1,A,2,,")
    take(connection, "SW-1,A,2,UPS,1Z1")

    assert shipments() == [("A", 2, "1Z1")]


@pytest.mark.parametrize("row", ["SW-9,A,1,UPS,1Z2", "SW-1,C,1,UPS,1Z2"])
def test_a_row_about_nothing_of_ours_refuses_the_whole_file(book, connection, row):
    book.send(FILE)

    with pytest.raises(TrackingFileError, match="Row 3"):
        take(connection, "SW-1,A,1,UPS,1Z1", row)
    assert shipments() == []


def test_what_waits_for_a_person_is_listed_first(book, connection):
    book.send(FILE)
    PurchaseOrder.objects.create(
        connection=connection, reference="SW-0", units=[], state="sending", created_at=NOON, updated_at=NOON
    )

    assert [row.reference for row in desk.listed(connection, limit=5)] == ["SW-0", "SW-1"]


def test_another_supplier_s_order_is_not_this_one_s(book, connection, merchant):
    book.send(FILE)
    other = make_connection(merchant, platform="filedrop", base_url="mailto:other@mill.example")

    with pytest.raises(TrackingFileError, match="has no PO SW-1"):
        take(other, "SW-1,A,1,UPS,1Z1")
