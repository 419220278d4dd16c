"""Changing an order that stands in the store: note and addresses, with the total that was paid."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.base import BlockerCode
from connectors.errors import RejectedError
from connectors.woocommerce import mapping
from tests.connectors.neutral import HOME
from tests.connectors.woocommerce.orders import GST, order
from tests.connectors.woocommerce.store import answers, calls, connector, refuses, sent, stored, takes

ADDRESSES = frozenset({"shipping_address", "billing_address"})
STORED = {"country": "NZ", "state": "AUK", "postcode": "1011", "city": "Auckland"}
WELLINGTON = replace(
    HOME, address1="1 Cuba Street", address2="", city="Wellington", postcode="6011", province_code="WGN"
)

pytestmark = pytest.mark.usefixtures("wire")


def stands(**fields) -> None:
    answers(
        "orders/7",
        stored(**{"billing": STORED, "shipping": STORED, "shipping_lines": [{"method_id": "flat_rate"}], **fields}),
    )


def noted(changed, *texts: str) -> None:
    """The order notes of these orders stand there already."""
    answers("orders/7/notes", [{"note": text} for text in (*mapping.notes(changed), *texts)])


def test_only_what_was_changed_is_sent():
    changed = order(customer_note="Ring twice")
    stands()
    takes("orders/7", stored(), status=200)
    noted(changed)

    connector().update("7", changed, fields=frozenset({"note"}))

    assert calls() == ["GET orders/7", "POST orders/7", "GET orders/7/notes"]
    assert sent(1) == {"customer_note": "Ring twice"}


def test_an_address_is_overwritten_whole_and_without_an_email():
    changed = order(shipping_address=WELLINGTON, billing=WELLINGTON)
    stands()
    takes("orders/7", stored(), status=200)
    noted(changed)

    connector().update("7", changed, fields=ADDRESSES)

    shipping = sent(1)["shipping"]
    assert (shipping["address_1"], shipping["address_2"], shipping["city"]) == ("1 Cuba Street", "", "Wellington")
    assert "email" not in sent(1)["billing"]


def test_what_order_notes_tell_is_noted_anew():
    changed = order(shipping_address=WELLINGTON)
    stands()
    takes("orders/7", stored(), status=200)
    answers("orders/7/notes", [{"note": text} for text in mapping.notes(order())])
    takes("orders/7/notes", {})

    connector().update("7", changed, fields=frozenset({"shipping_address"}))

    assert "1 Cuba Street" in sent()["note"]


def test_details_alone_change_no_field_of_the_order():
    changed = order(attributes={"Gate code": "1234"})
    stands()
    answers("orders/7/notes", [])
    for _ in mapping.notes(changed):
        takes("orders/7/notes", {})

    connector().update("7", changed, fields=frozenset({"attributes"}))

    assert "POST orders/7" not in calls()


@pytest.mark.parametrize("status", ["trash", "cancelled", "completed", "refunded", "failed"])
def test_an_order_that_is_over_is_not_touched(status):
    stands(status=status)

    with pytest.raises(RejectedError, match=status):
        connector().update("7", order(), fields=frozenset({"note"}))

    assert calls() == ["GET orders/7"]


def test_an_order_that_is_gone_is_not_made_anew():
    refuses("orders/7", 404, "woocommerce_rest_shop_order_invalid_id")

    with pytest.raises(RejectedError, match="gone"):
        connector().update("7", order(), fields=frozenset({"note"}))


SOUTH = {**GST, "id": 2, "percent": "10.0000", "state": "WGN"}


@pytest.mark.parametrize(
    ("store", "meta"),
    [
        ({"rates": [GST, SOUTH]}, []),
        ({"rates": None}, []),
    ],
    ids=["another rate", "rates too many to know"],
)
def test_an_address_that_is_taxed_otherwise_is_refused_beforehand(store, meta):
    stands()

    with pytest.raises(RejectedError) as caught:
        connector(**store).update("7", order(shipping_address=WELLINGTON), fields=ADDRESSES)

    assert (calls(), caught.value.blockers[0].code) == (["GET orders/7"], BlockerCode.TOTAL_MISMATCH)


@pytest.mark.parametrize(
    ("store", "meta"),
    [({"taxes_enabled": False}, []), ({"rates": [GST, SOUTH]}, [{"key": "is_vat_exempt", "value": "yes"}])],
    ids=["a store without taxes", "an order without taxes"],
)
def test_where_no_tax_is_reckoned_any_address_is_taken(store, meta):
    changed = order(shipping_address=WELLINGTON)
    stands(meta_data=[{"key": mapping.REFERENCE, "value": "SW-1"}, *meta])
    takes("orders/7", stored(), status=200)
    noted(changed)

    connector(**store).update("7", changed, fields=ADDRESSES)

    assert "POST orders/7" in calls()


def test_a_phone_that_would_lose_the_lines_is_refused_beforehand():
    stands()

    with pytest.raises(RejectedError) as caught:
        connector().update("7", order(shipping_address=replace(HOME, phone="+" + "6" * 100)), fields=ADDRESSES)

    assert (calls(), caught.value.blockers[0].code) == (["GET orders/7"], BlockerCode.TEXT_TOO_LONG)


def test_a_refusal_says_why():
    stands()
    details = {"billing": {"code": "rest_invalid_email"}}
    refuses(
        "orders/7",
        400,
        "rest_invalid_param",
        method="POST",
        params={"billing": "Invalid email address."},
        details=details,
    )

    with pytest.raises(RejectedError) as caught:
        connector().update("7", order(), fields=ADDRESSES)

    assert caught.value.blockers[0].code == BlockerCode.EMAIL_REQUIRED
