"""What was sent is told, and taken back: tracking beside what is there, and the status."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connectors.base import OutboundShipment, Parcel
from connectors.errors import RejectedError
from connectors.woocommerce import tracking
from tests.connectors.woocommerce.store import answers, calls, connector, refuses, sent, stored, takes, with_meta
from tests.factories import NOON

pytestmark = pytest.mark.usefixtures("wire")


def shipment(*numbers: str, completes: bool = False) -> OutboundShipment:
    return OutboundShipment((), tuple(Parcel("NZ Post", number) for number in numbers), NOON, completes=completes)


def item(number: str, **fields: Any) -> dict[str, Any]:
    return {"tracking_number": number, "tracking_provider": "", "custom_tracking_provider": "NZ Post", **fields}


def stands(*numbers: str, **fields: Any) -> None:
    items = {"9": item(numbers[0])} if len(numbers) == 1 else [item(number) for number in numbers]
    answers("orders/7", with_meta(meta={tracking.ITEMS: items} if numbers else {}, **fields))


def test_a_completed_order_is_to_be_sent_again_without_the_number_and_says_so():
    stands("NZ1", "NZ2", status="completed")
    answers("orders/7/notes", [])
    takes("orders/7/notes", {})
    takes("orders/7", stored(), status=200)

    connector().recall("7", shipment("NZ1"))

    assert calls() == ["GET orders/7", "GET orders/7/notes", "POST orders/7/notes", "POST orders/7"]
    assert sent(2)["note"] == "A fulfillment was taken back (NZ1): what was in it is still to be sent."
    assert sent() == {"meta_data": [{"key": tracking.ITEMS, "value": [item("NZ2")]}], "status": "processing"}


def test_an_order_that_a_plugin_moved_on_is_not_completed_again():
    stands(status="delivered", date_completed_gmt="2026-11-24T09:00:00")
    takes("orders/7", stored(), status=200)

    connector().fulfill("7", shipment("NZ1", completes=True))

    assert "status" not in sent()


def test_an_order_of_which_nothing_is_left_stays_completed():
    stands("NZ1", status="completed")
    answers("orders/7/notes", [{"note": "A fulfillment was taken back (NZ1)."}])
    takes("orders/7", stored(), status=200)

    connector().recall("7", shipment("NZ1", completes=True))

    assert sent() == {"meta_data": [{"key": tracking.ITEMS, "value": []}]}


@pytest.mark.parametrize("status", ["processing", "on-hold", "packed"])
def test_a_status_that_somebody_gave_it_since_stays(status):
    stands("NZ1", status=status)
    answers("orders/7/notes", [{"note": "A fulfillment was taken back (NZ1): what was in it is still to be sent."}])
    takes("orders/7", stored(), status=200)

    connector().recall("7", shipment("NZ1"))

    assert "status" not in sent()


@pytest.mark.parametrize("status", ["cancelled", "refunded", "failed", "trash"])
def test_an_order_that_is_over_is_left_alone(status):
    stands("NZ1", status=status)

    connector().recall("7", shipment("NZ1"))

    assert calls() == ["GET orders/7"]


def test_what_is_taken_back_already_is_not_written_again():
    stands("NZ2", status="processing")

    connector().recall("7", shipment("NZ1"))

    assert calls() == ["GET orders/7"]


def test_an_order_that_is_gone_has_nothing_to_take_back():
    refuses("orders/7", 404, "woocommerce_rest_shop_order_invalid_id")

    connector().recall("7", shipment("NZ1"))

    assert calls() == ["GET orders/7"]


def test_a_number_with_markup_is_harmless_in_the_note():
    stands("<b>", status="processing")
    answers("orders/7/notes", [])
    takes("orders/7/notes", {})
    takes("orders/7", stored(), status=200)

    connector().recall("7", shipment("<b>"))

    assert "(&lt;b&gt;)" in sent(2)["note"]


def test_an_order_that_was_refunded_is_not_completed():
    stands(status="refunded")

    with pytest.raises(RejectedError, match="refunded"):
        connector().fulfill("7", shipment("NZ1", completes=True))

    assert calls() == ["GET orders/7"]


@pytest.mark.parametrize(("there", "left"), [(("NZ1", "NZ9"), ["NZ9", "NZ2"]), (("NZ9",), ["NZ9", "NZ2"])])
def test_a_number_that_was_corrected_takes_the_wrong_ones_place(there, left):
    stands(*there)
    takes("orders/7", stored(), status=200)

    connector().fulfill("7", replace(shipment("NZ2"), gone=(Parcel("NZ Post", "NZ1"),)))

    (pair,) = sent()["meta_data"]
    assert [item["tracking_number"] for item in pair["value"]] == left


def test_a_number_that_was_none_after_all_goes():
    stands("NZ1")
    takes("orders/7", stored(), status=200)

    connector().fulfill("7", replace(shipment(), gone=(Parcel("NZ Post", "NZ1"),)))

    assert sent() == {"meta_data": [{"key": tracking.ITEMS, "value": []}]}
