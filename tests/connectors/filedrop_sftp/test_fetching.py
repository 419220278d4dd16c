"""Tracking that a supplier leaves in its folder: each file once, each good row, and nothing taken away."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.db.models import F
from django.utils import timezone

from accounts.models import AuditEvent
from connectors.errors import RejectedError
from connectors.filedrop_sftp.connector import FILES_AT_ONCE
from connectors.models import InboundEvent, PurchaseShipment, TrackingFile
from connectors.practice import dials
from connectors.practice.filedrop_sftp import files
from connectors.practice.models import PracticeFile
from connectors.services import desk_folder
from connectors.sftp import FILES_MAX
from orders import outbox
from tests.connectors.contract import an_hour_ago
from tests.connectors.sftp_server import driver_of, purchase
from tests.factories import NOON, make_connection, make_member

HEADER = "po_number,sku,quantity,carrier,tracking_number"


def leave(mill, name: str, *rows: str) -> None:
    files.put(mill, f"/tracking/{name}", "\n".join([HEADER, *rows]).encode())


def poll(driver, *, times: int = 1) -> None:
    """Each a minute after the one before."""
    for _ in range(times):
        TrackingFile.objects.update(seen_at=F("seen_at") - timedelta(minutes=1))
        driver.changed_since(an_hour_ago())


def numbers() -> list[str]:
    return list(PurchaseShipment.objects.order_by("pk").values_list("tracking_number", flat=True))


def test_a_file_that_stopped_changing_is_read_and_its_order_told(driver, mill):
    driver.create(purchase())
    leave(mill, "a.csv", "SW-1,STOOL,2,NZ Post,NZ1")

    poll(driver)
    assert numbers() == []
    poll(driver)

    assert (numbers(), InboundEvent.objects.get().remote_order_id) == (["NZ1"], "SW-1")
    assert driver.read("SW-1").shipments[0].parcels[0].number == "NZ1"


def test_a_file_that_is_still_being_written_is_not_read(driver, mill):
    driver.create(purchase())
    for quantity in ("1", "12"):
        leave(mill, "a.csv", f"SW-1,STOOL,{quantity},NZ Post,NZ1")
        poll(driver)
    assert (numbers(), TrackingFile.objects.count()) == ([], 1)

    poll(driver)

    assert PurchaseShipment.objects.get().quantity == 12


def test_a_file_that_was_seen_a_moment_ago_is_not_read_yet(driver, mill, monkeypatch):
    monkeypatch.setattr(desk_folder, "SETTLES", timedelta(hours=1))  # however slow this machine is
    driver.create(purchase())
    leave(mill, "a.csv", "SW-1,STOOL,2,NZ Post,NZ1")
    for _ in range(2):
        driver.changed_since(an_hour_ago())

    assert (numbers(), TrackingFile.objects.get().read_at) == ([], None)


def test_a_file_is_fetched_once(driver, mill, calls):
    driver.create(purchase())
    leave(mill, "a.csv", "SW-1,STOOL,2,NZ Post,NZ1")
    poll(driver, times=5)

    assert [call.url.rpartition("/")[2] for call in calls if call.operation == "read"].count("a.csv") == 1


def test_a_file_that_was_written_anew_is_read_anew(driver, mill):
    driver.create(purchase())
    leave(mill, "a.csv", "SW-1,STOOL,2,NZ Post,NZ1")
    poll(driver, times=2)

    leave(mill, "a.csv", "SW-1,STOOL,1,NZ Post,NZ1", "SW-1,STOOL,1,NZ Post,NZ22")
    poll(driver, times=2)

    assert numbers() == ["NZ1", "NZ22"]


def test_bad_rows_are_told_and_the_others_taken(driver, mill):
    driver.create(purchase())
    leave(
        mill, "a.csv", "SW-1,STOOL,two,NZ Post,NZ0", "SW-9,STOOL,1,NZ Post,NZ9", "SW-1,CHAIR,1,NZ Post,NZ8",
        "SW-1,STOOL,2,NZ Post,NZ1",
    )  # fmt: skip

    poll(driver, times=2)

    assert numbers() == ["NZ1"]
    read = TrackingFile.objects.get()
    assert (read.rows, [fault[:5] for fault in read.faults]) == (1, ["Row 2", "Row 3", "Row 4"])
    assert AuditEvent.objects.get(kind="supplier.tracking").data == {"rows": 1, "faults": 3}


@pytest.mark.parametrize("body", [b"\xff\xfe", b"nothing", b"po_number,sku,quantity\n" + b"x" * 1_000_001])
def test_a_file_that_cannot_be_read_is_told_once_and_the_next_is_read(driver, mill, body):
    driver.create(purchase())
    files.put(mill, "/tracking/a.csv", body)
    leave(mill, "b.csv", "SW-1,STOOL,2,NZ Post,NZ1")

    poll(driver, times=3)

    bad = TrackingFile.objects.get(name="a.csv")
    assert (numbers(), bad.rows, len(bad.faults)) == (["NZ1"], 0, 1)
    assert bad.read_at


def test_the_merchant_is_told_of_bad_rows_once_a_day(driver, row, mill):
    row.merchant.alert_addresses = ["ana@kauri.example"]
    row.merchant.save()
    for name in ("a.csv", "b.csv"):
        leave(mill, name, "SW-9,STOOL,1,NZ Post,NZ9")
        poll(driver, times=2)

    outbox.drain()
    (sent,) = mail.outbox
    assert sent.to == ["ana@kauri.example"]
    assert "Row 2: this supplier has no PO SW-9." in sent.body


def test_without_an_alert_address_the_owners_are_told_of_bad_rows(driver, row, mill):
    owner = make_member(row.merchant, email="ana@kauri.example")
    leave(mill, "a.csv", "SW-9,STOOL,1,NZ Post,NZ9")
    poll(driver, times=2)

    outbox.drain()

    assert [sent.to for sent in mail.outbox] == [[owner.email]]


def test_a_file_without_a_fault_is_no_mail(driver, row, mill):
    row.merchant.alert_addresses = ["ana@kauri.example"]
    row.merchant.save()
    driver.create(purchase())
    leave(mill, "a.csv", "SW-1,STOOL,2,NZ Post,NZ1")
    poll(driver, times=2)
    outbox.drain()

    assert (numbers(), mail.outbox) == (["NZ1"], [])


def test_nothing_is_taken_away(driver, mill):
    driver.create(purchase())
    leave(mill, "a.csv", "SW-1,STOOL,2,NZ Post,NZ1")
    leave(mill, "b.csv", "SW-9,STOOL,2,NZ Post,NZ1")
    before = list(mill.files.order_by("path").values_list("path", flat=True))

    poll(driver, times=2)

    assert list(mill.files.order_by("path").values_list("path", flat=True)) == before


@pytest.mark.parametrize("name", ["a.csv.part", ".a.csv", "a.txt"])
def test_what_is_no_tracking_file_is_left_alone(driver, mill, name):
    leave(mill, name, "SW-1,STOOL,2,NZ Post,NZ1")

    poll(driver, times=2)

    assert not TrackingFile.objects.exists()


def test_many_files_are_read_over_several_polls(driver, mill):
    driver.create(purchase(quantity=40))
    for n in range(FILES_AT_ONCE + 1):
        leave(mill, f"{n:02}.csv", f"SW-1,STOOL,1,NZ Post,NZ{n}")

    poll(driver, times=2)
    assert len(numbers()) == FILES_AT_ONCE
    poll(driver)

    assert len(numbers()) == FILES_AT_ONCE + 1


def crowd(mill, count: int) -> None:
    """Files that were left before any other."""
    before = timezone.now() - timedelta(days=9)
    PracticeFile.objects.bulk_create(
        PracticeFile(shop=mill, path=f"/tracking/old-{n:04}.csv", body=HEADER.encode(), modified_at=before)
        for n in range(count)
    )


def test_a_folder_with_more_files_than_are_held_is_read_from_the_newest_and_told_once(driver, row, mill):
    row.merchant.alert_addresses = ["ana@kauri.example"]
    row.merchant.save()
    driver.create(purchase())
    crowd(mill, FILES_MAX)
    leave(mill, "new.csv", "SW-1,STOOL,2,NZ Post,NZ1")

    poll(driver, times=2)

    assert TrackingFile.objects.filter(name="new.csv").exists()
    assert TrackingFile.objects.exclude(read_at=None).count() == FILES_AT_ONCE
    outbox.drain()
    (sent,) = mail.outbox
    assert (sent.to, "2001 files wait in /tracking" in sent.body) == (["ana@kauri.example"], True)
    assert AuditEvent.objects.filter(kind=desk_folder.WARNED).count() == 1


def test_files_that_were_read_take_no_place(driver, mill):
    driver.create(purchase())
    crowd(mill, FILES_MAX)
    poll(driver)
    TrackingFile.objects.update(read_at=NOON)
    leave(mill, "new.csv", "SW-1,STOOL,2,NZ Post,NZ1")

    poll(driver, times=2)

    assert numbers() == ["NZ1"]
    assert not AuditEvent.objects.filter(kind=desk_folder.WARNED).exists()


def test_a_folder_that_is_gone_is_told_once_and_stops_no_order(driver, row, mill):
    row.merchant.alert_addresses = ["ana@kauri.example"]
    row.merchant.save()
    dials.turn(mill.pk, "no_folder", left=2)
    for _ in range(2):
        with pytest.raises(RejectedError, match="has no /tracking"):
            driver.changed_since(an_hour_ago())

    outbox.drain()
    (sent,) = mail.outbox
    assert "has no /tracking" in sent.body
    assert driver.create(purchase()).remote_id == "SW-1"


def test_without_a_folder_for_tracking_nobody_is_asked(row, calls):
    row.credentials = {**row.credentials, "tracking_folder": ""}
    driver = driver_of(row, on_call=calls.append)

    assert list(driver.changed_since(an_hour_ago())) == []
    assert calls == []


def test_another_supplier_s_files_are_its_own(row, merchant):
    other = make_connection(merchant, platform="filedrop_sftp", base_url="sftp://other.example:22")
    TrackingFile.objects.create(connection=other, name="a.csv", size=1, modified_at=1, seen_at=NOON)

    assert desk_folder.listed(row, limit=5) == []
