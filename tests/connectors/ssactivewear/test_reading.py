"""All orders of one PO as the neutral order, and what cannot be read."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connectors.base import Parcel, RemoteOrder, ShipmentLine, ShipmentNotice
from connectors.errors import RetryableError
from tests.connectors.ssactivewear.wire import answers, asked, connector, finds_nothing, placed, shipped

SERVED = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("wire")


def read(*nodes) -> RemoteOrder:
    answers("orders/SW-1", list(nodes))
    return connector().read("SW-1")


def test_orders_of_a_po_are_one_order_and_each_is_a_shipment():
    seen = read(shipped(1), shipped(2, warehouseAbbr="KS", total=10, trackingNumber="1Z2"))

    assert (seen.ref.remote_id, seen.ref.name, seen.reference) == ("SW-1", "1, 2", "SW-1")
    assert (seen.total, seen.currency, seen.cancelled) == (Decimal("35.50"), "USD", False)
    assert [(one.remote_id, one.parcels) for one in seen.shipments] == [
        ("1", (Parcel("UPS", "1Z1"),)),
        ("2", (Parcel("UPS", "1Z2"),)),
    ]
    assert asked() == ["GET /orders/SW-1?lines=true&Boxes=true"]


def test_a_shipment_is_whole():
    (shipment,) = read(shipped(1)).shipments

    assert shipment == ShipmentNotice(
        remote_id="1",
        status="success",
        lines=(ShipmentLine("B00760003", 2, remote_line_id="1/1", variant_id="B00760003"),),
        parcels=(Parcel("UPS", "1Z1"),),
        shipped_at=datetime(2026, 11, 23, 20, 15, 31, 613000, tzinfo=UTC),
        updated_at=SERVED,
    )


def test_times_are_those_of_the_answer_and_of_chicago():
    seen = read(placed())

    assert seen.updated_at == SERVED
    assert seen.created_at == datetime(2026, 11, 23, 12, 0, 1, 430000, tzinfo=UTC)


def test_what_is_in_progress_has_not_been_sent():
    assert read(placed()).shipments == ()


@pytest.mark.parametrize("status", ["Shipped", "shipped", "Completed"])
def test_what_has_been_sent(status):
    assert len(read(shipped(orderStatus=status)).shipments) == 1


def test_what_lies_ready_at_will_call_has_not_been_sent():
    assert read(shipped(orderStatus="Completed", shippingMethod="Will Call / PickUp")).shipments == ()


def test_every_box_is_a_parcel_once():
    boxes = [{"boxNumber": 1, "trackingNumber": "1Z1"}, {"boxNumber": 2, "trackingNumber": "1Z2"}]
    boxes += [{"boxNumber": 3, "trackingNumber": "1Z2"}, {"boxNumber": 4, "trackingNumber": None}]

    (shipment,) = read(shipped(boxes=boxes)).shipments

    assert [parcel.number for parcel in shipment.parcels] == ["1Z1", "1Z2"]


def test_while_no_box_has_a_number_the_orders_own_counts():
    (shipment,) = read(shipped(boxes=[{"boxNumber": 1, "trackingNumber": None}], trackingNumber="1Z9")).shipments

    assert [parcel.number for parcel in shipment.parcels] == ["1Z9"]


def test_tracking_may_come_later():
    (shipment,) = read(shipped(trackingNumber=None)).shipments

    assert shipment.parcels == ()


@pytest.mark.parametrize(("units", "sent"), [(1, [1]), (0, []), (None, [2])])
def test_less_may_be_sent_than_was_ordered(units, sent):
    (shipment,) = read(shipped(units=units)).shipments

    assert [line.quantity for line in shipment.lines] == sent


def test_cancelled_only_when_all_are():
    part = read(placed(1, orderStatus="Cancelled"), placed(2, warehouseAbbr="KS"))

    assert (part.cancelled, part.ref.name, part.total) == (False, "2", Decimal("25.50"))
    assert part.cancelled_parts == ("order 1 from IL",)


@pytest.mark.parametrize("status", ["Cancelled", "Canceled", " cancelled "])
def test_every_spelling_of_cancelled(status):
    seen = read(placed(1, orderStatus=status), placed(2, orderStatus="Canceled"))

    assert (seen.cancelled, seen.total, seen.shipments, seen.cancelled_parts) == (True, Decimal(0), (), ())


def test_what_was_sent_and_taken_back_is_a_cancelled_shipment():
    (shipment,) = read(shipped(orderStatus="Cancelled")).shipments

    assert (shipment.remote_id, shipment.status) == ("90000001", "cancelled")


def test_keys_may_come_in_any_case():
    assert read({key.upper(): value for key, value in placed(1).items()}).ref.name == "1"


def test_an_order_that_is_not_shown_is_never_taken_for_deleted():
    finds_nothing("orders/SW-1")

    with pytest.raises(RetryableError, match="does not show"):
        connector().read("SW-1")


@pytest.mark.parametrize("lacking", ["orderStatus", "orderDate", "poNumber", "total"])
def test_an_answer_that_lacks_what_is_promised_is_as_good_as_torn(lacking):
    node = placed()
    del node[lacking]

    with pytest.raises(RetryableError, match="lacks"):
        read(node)


def test_an_order_that_was_sent_without_lines_cannot_be_read():
    with pytest.raises(RetryableError, match="lacks"):
        read(shipped(lines=None))
