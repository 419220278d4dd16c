"""The verbs that look, against answers as Squarespace gives them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import responses

from connectors.base import Parcel, RemoteRef, ShipmentLine, ShipmentNotice
from connectors.errors import ConnectionGoneError, CredentialsError, RetryableError
from connectors.registry import connector_class
from connectors.squarespace.connector import AHEAD, SquarespaceConnector
from tests.connectors.squarespace.orders import ACCOUNT, SITE, VARIANT
from tests.connectors.squarespace.site import (
    ORDER,
    WEBSITE,
    answers,
    connector,
    money,
    page,
    parcel,
    paths,
    queries,
    refuses,
    row,
    stock,
)

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ORDERS, INVENTORY = "/commerce/orders", "/commerce/inventory"

pytestmark = pytest.mark.usefixtures("wire")


def test_the_registry_knows_the_driver():
    assert connector_class("squarespace") is SquarespaceConnector


# --- who it is ---


def test_check_tells_the_site():
    answers("/authorization/website", WEBSITE)
    answers(ORDERS, page("result"))
    answers(INVENTORY, page("inventory"))

    shop = connector().check()

    assert (shop.remote_id, shop.name, shop.domain) == (SITE, "Kauri & Clay", "www.kauri.example")
    assert (shop.currency, shop.timezone, shop.missing_scopes) == ("NZD", "Pacific/Auckland", ())
    assert shop.settings == {"url": "https://www.kauri.example"}


def test_a_site_whose_address_comes_without_a_scheme_has_its_domain_all_the_same():
    answers("/authorization/website", {**WEBSITE, "url": "kauri.squarespace.com/"})
    answers(ORDERS, page("result"))
    answers(INVENTORY, page("inventory"))

    shop = connector().check()

    assert (shop.domain, shop.settings) == ("kauri.squarespace.com", {"url": "https://kauri.squarespace.com"})


def test_check_names_the_permissions_that_the_key_lacks():
    answers("/authorization/website", WEBSITE)
    refuses(ORDERS, status=403)
    refuses(INVENTORY, status=403)

    assert connector().check().missing_scopes == ("Orders", "Inventory")


def test_check_asks_for_nobodys_order():
    answers("/authorization/website", WEBSITE)
    answers(ORDERS, page("result"))
    answers(INVENTORY, page("inventory"))

    connector().check()

    assert datetime.fromisoformat(queries()[1]["modifiedAfter"]) > datetime.now(UTC) - timedelta(minutes=1)


@pytest.mark.parametrize("path", ["/authorization/website", ORDERS])
def test_a_dead_key_is_for_the_merchant(path):
    answers("/authorization/website", WEBSITE) if path == ORDERS else None
    refuses(path, status=401)

    with pytest.raises(CredentialsError, match="a new one is needed"):
        connector().check()


def test_an_address_where_no_site_answers_is_told():
    refuses("/authorization/website", status=404)

    with pytest.raises(ConnectionGoneError, match="No Squarespace site"):
        connector().check()


# --- products ---


def test_variants_are_found_by_the_exact_sku_over_all_pages():
    answers(INVENTORY, page("inventory", stock(1), stock(2, sku="sku-1"), after="c1"))
    answers(INVENTORY, page("inventory", stock(3, sku="SKU-1"), stock(4, sku=None)))

    found = connector().find_variants(["SKU-1", "SKU-9", "SKU-1"])

    assert {sku: [each.variant_id for each in hits] for sku, hits in found.items()} == {
        "SKU-1": [VARIANT.format(1), VARIANT.format(3)],
        "SKU-9": [],
    }
    assert queries() == [{}, {"cursor": "c1"}]


def test_a_row_that_moved_to_the_next_page_is_one_variant():
    answers(INVENTORY, page("inventory", stock(1), after="c1"))
    answers(INVENTORY, page("inventory", stock(1)))

    assert len(connector().find_variants(["SKU-1"])["SKU-1"]) == 1


def test_a_blank_sku_is_never_looked_up_by_its_blank():
    answers(INVENTORY, page("inventory", stock(1, sku="")))

    assert connector().find_variants(["SKU-1"]) == {"SKU-1": ()}


def test_pages_that_lead_round_in_a_circle_end():
    answers(INVENTORY, page("inventory", stock(1), after="c1"))

    with pytest.raises(RetryableError, match="circle"):
        connector().find_variants(["SKU-1"])


@pytest.mark.parametrize(
    ("fields", "left", "title"),
    [
        ({}, 4, "Stool 1 [Oak]"),
        ({"quantity": 0}, 0, "Stool 1 [Oak]"),
        ({"isUnlimited": True}, None, "Stool 1 [Oak]"),
        ({"descriptor": None}, 4, "SKU-1"),
    ],
)
def test_a_variant_tells_its_stock(fields, left, title):
    answers(f"{INVENTORY}/{VARIANT.format(1)}", {"inventory": [stock(**fields)]})

    variant = connector().read_variants([VARIANT.format(1)])[VARIANT.format(1)]

    assert (variant.stock, variant.sellable, variant.title) == (left, True, title)


def test_variants_are_read_in_one_call_and_malformed_ids_not_asked_for():
    both = f"{INVENTORY}/{VARIANT.format(1)},{VARIANT.format(2)}"
    answers(both, {"inventory": [stock(2), stock(1)]})

    found = connector().read_variants([VARIANT.format(1), VARIANT.format(2), VARIANT.format(1), "../x", ""])

    assert sorted(found) == [VARIANT.format(1), VARIANT.format(2)]
    assert paths() == [both]


def test_one_variant_that_is_gone_does_not_hide_the_others():
    ids = [VARIANT.format(number) for number in (1, 2, 3)]
    refuses(f"{INVENTORY}/{','.join(ids)}", status=404)
    answers(f"{INVENTORY}/{ids[0]}", {"inventory": [stock(1)]})
    refuses(f"{INVENTORY}/{ids[1]},{ids[2]}", status=404)
    refuses(f"{INVENTORY}/{ids[1]}", status=404)
    answers(f"{INVENTORY}/{ids[2]}", {"inventory": [stock(3)]})

    assert sorted(connector().read_variants(ids)) == [ids[0], ids[2]]


def test_more_variants_than_one_call_takes_are_read_in_portions():
    ids = [f"v{number}" for number in range(60)]
    for portion in (ids[:50], ids[50:]):
        rows = [stock(variantId=variant_id) for variant_id in portion]
        answers(f"{INVENTORY}/{','.join(portion)}", {"inventory": rows})

    assert len(connector().read_variants(ids)) == 60


# --- orders ---


def test_an_order_is_found_in_the_window_around_the_attempt():
    answers(ORDERS, page("result", row(2), row(1), row(3, externalOrderReference=None)))

    found = connector().find("SW-1", since=NOON)

    assert found == (RemoteRef(ORDER.format(1), "#1", "https://kauri.squarespace.com/config/commerce/orders"),)
    (query,) = queries()
    assert query["modifiedAfter"] == "2026-11-23T12:00:00.000Z"
    assert datetime.fromisoformat(query["modifiedBefore"]) > datetime.now(UTC) + AHEAD / 2


def test_two_orders_with_one_reference_are_both_found_oldest_first():
    twins = [row(number, externalOrderReference="SW-1") for number in (10, 9)]
    answers(ORDERS, page("result", *twins))

    assert [ref.name for ref in connector().find("SW-1", since=NOON)] == ["#9", "#10"]


def test_the_cursor_goes_alone_and_the_front_is_read_again_after_a_longer_list():
    answers(ORDERS, page("result", row(3), after="c1"))
    answers(ORDERS, page("result", row(2)))
    answers(ORDERS, page("result", row(1), row(3), after="c2"))

    found = connector().find("SW-1", since=NOON)

    assert [ref.name for ref in found] == ["#1"]
    assert [sorted(query) for query in queries()] == [
        ["modifiedAfter", "modifiedBefore"],
        ["cursor"],
        ["modifiedAfter", "modifiedBefore"],
    ]


def test_an_order_that_is_nowhere_is_not_found():
    answers(ORDERS, page("result", row(11)))

    assert connector().find("SW-1", since=NOON) == ()


def test_a_look_up_that_failed_is_not_a_not_found():
    answers(ORDERS, status=502, body="")

    with pytest.raises(RetryableError):
        connector().find("SW-1", since=NOON)


def test_a_pending_order_is_read_with_its_money():
    answers(f"{ORDERS}/{ORDER.format(1)}", row(refundedTotal=money("20.00"), grandTotal=money(100.1)))

    remote = connector().read(ORDER.format(1))

    assert (remote.reference, remote.currency, remote.total) == ("SW-1", "NZD", Decimal("100.1"))
    assert (remote.refunded, remote.cancelled, remote.shipments) == (Decimal(20), False, ())
    assert remote.updated_at == datetime(2026, 11, 23, 12, 0, 39, 705000, tzinfo=UTC)
    assert remote.remote_version == "2026-11-23T12:00:39.705Z"


def test_a_fulfilled_order_is_one_shipment_in_all_its_parcels():
    fields = {"fulfillmentStatus": "FULFILLED", "fulfilledOn": "2026-11-24T10:00:00Z"}
    later = parcel("NZ2", shipDate="2026-11-25T09:00:00Z", service=None, trackingUrl=None)
    answers(f"{ORDERS}/{ORDER.format(1)}", row(**fields, fulfillments=[later, parcel()]))

    assert connector().read(ORDER.format(1)).shipments == (
        ShipmentNotice(
            remote_id=ORDER.format(1),
            status="success",
            lines=(ShipmentLine("SKU-1", 2, "", "6a81716fc8fe4c0001305355", VARIANT.format(1)),),
            parcels=(Parcel("NZ Post", "NZ2", ""), Parcel("NZ Post Courier", "NZ1", "https://track.example/NZ1")),
            shipped_at=datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
            updated_at=datetime(2026, 11, 23, 12, 0, 39, 705000, tzinfo=UTC),
        ),
    )


def test_an_order_marked_fulfilled_without_tracking_is_a_shipment_without_parcels():
    fields = {"fulfillmentStatus": "FULFILLED", "fulfilledOn": "2026-11-24T10:00:00Z"}
    answers(f"{ORDERS}/{ORDER.format(1)}", row(**fields))

    (shipment,) = connector().read(ORDER.format(1)).shipments

    assert (shipment.status, shipment.parcels) == ("success", ())
    assert shipment.shipped_at == datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize("status", ["PENDING", "CANCELED"])
@pytest.mark.parametrize("trace", [{"fulfilledOn": "2026-11-24T10:00:00Z"}, {"fulfillments": [parcel()]}])
def test_an_order_that_is_no_longer_fulfilled_takes_its_shipment_back(status, trace):
    answers(f"{ORDERS}/{ORDER.format(1)}", row(fulfillmentStatus=status, **trace))

    assert [each.status for each in connector().read(ORDER.format(1)).shipments] == ["cancelled"]


def test_a_cancelled_order_is_told():
    answers(f"{ORDERS}/{ORDER.format(1)}", row(fulfillmentStatus="CANCELED"))

    assert connector().read(ORDER.format(1)).cancelled


def test_an_order_that_is_gone_reads_as_none():
    refuses(f"{ORDERS}/{ORDER.format(1)}", status=404)

    assert connector().read(ORDER.format(1)) is None
    assert connector().read("../inventory") is None
    assert len(responses.calls) == 1


def test_an_address_that_is_unknown_on_the_way_is_not_an_order_that_is_gone():
    answers(f"{ORDERS}/{ORDER.format(1)}", status=404, body="<h1>Not found</h1>", content_type="text/html")

    with pytest.raises(RetryableError):
        connector().read(ORDER.format(1))


def test_the_page_of_an_order_is_below_the_address_that_the_site_tells():
    answers(f"{ORDERS}/{ORDER.format(1)}", row())
    account = replace(ACCOUNT, settings={"url": "https://shop.kauri.example"})

    assert connector(account).read(ORDER.format(1)).ref.url == "https://shop.kauri.example/config/commerce/orders"


def test_a_site_without_a_known_address_has_no_page_to_link_to():
    answers(f"{ORDERS}/{ORDER.format(1)}", row())

    assert connector(replace(ACCOUNT, shop_domain="")).read(ORDER.format(1)).ref.url == ""


def test_changes_come_oldest_first_from_that_moment_on_and_move_the_watermark():
    own = row(1, modifiedOn="2026-11-23T12:00:10.500Z")
    foreign = row(9, externalOrderReference=None, modifiedOn="2026-11-23T12:00:10Z")
    answers(ORDERS, page("result", own, foreign))

    changed = list(connector().changed_since(NOON))

    assert [(remote.ref.name, remote.reference) for remote in changed] == [("#9", ""), ("#1", "SW-1")]
    assert queries()[0]["modifiedAfter"] == "2026-11-23T11:59:59.000Z"


def test_a_poll_ahead_of_our_clock_still_has_a_window():
    answers(ORDERS, page("result"))
    tomorrow = datetime.now(UTC) + timedelta(days=2)

    assert list(connector().changed_since(tomorrow)) == []

    assert queries()[0]["modifiedAfter"] < queries()[0]["modifiedBefore"]


BROKEN = [None, [], {}, {"result": [7], "pagination": {"hasNextPage": False, "nextPageCursor": None}}, {"result": None}]
VERBS = {
    "find_variants": (INVENTORY, lambda site: site.find_variants(["SKU-1"])),
    "find": (ORDERS, lambda site: site.find("SW-1", since=NOON)),
    "changed_since": (ORDERS, lambda site: list(site.changed_since(NOON))),
    "read": (f"{ORDERS}/{ORDER.format(1)}", lambda site: site.read(ORDER.format(1))),
}


@pytest.mark.parametrize("body", BROKEN)
@pytest.mark.parametrize("verb", VERBS)
def test_an_answer_that_lacks_what_is_promised_may_be_asked_for_again(verb, body):
    path, ask = VERBS[verb]
    answers(path, json=body)

    with pytest.raises(RetryableError):
        ask(connector())


@pytest.mark.parametrize("field", ["id", "grandTotal", "modifiedOn", "fulfillmentStatus", "lineItems"])
def test_an_order_without_a_promised_field_is_not_half_believed(field):
    whole = row(fulfillmentStatus="FULFILLED")
    del whole[field]
    answers(f"{ORDERS}/{ORDER.format(1)}", whole)

    with pytest.raises(RetryableError):
        connector().read(ORDER.format(1))


def test_a_next_page_without_a_cursor_is_torn():
    torn = page("inventory")
    torn["pagination"]["hasNextPage"] = True
    answers(INVENTORY, torn)

    with pytest.raises(RetryableError):
        connector().find_variants(["SKU-1"])
