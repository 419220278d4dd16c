"""Drafts: what is missing, what is typed, and how a complete one goes on."""

from __future__ import annotations

import pytest

from accounts.models import Merchant
from connectors import conditions
from connectors.models import Connection, ProductLink
from orders import outbox
from orders.enums import OrderStatus, PushStatus, Topic
from orders.errors import ChangedMeanwhile, InvalidOrder, TransitionNotAllowed
from orders.models import Order, OrderRequirements, OutboxMessage, PushLine, RoutingRule
from orders.services import decisions, draft_fields, drafts
from tests.factories import NOON, make_connection, make_order
from tests.fakes import FakeStore, make_world
from tests.orders.drafts import BY, fields, fill, make_draft

pytestmark = pytest.mark.django_db
CITY = "shipping_address.city"


@pytest.fixture
def store(merchant: Merchant) -> Connection:
    return make_connection(merchant, name="Kauri")


@pytest.fixture
def draft(merchant: Merchant, store: Connection) -> Order:
    return make_draft(merchant, connections=[store])


def fresh(order: Order) -> Order:
    return Order.objects.get(pk=order.pk)


def need(merchant: Merchant, **flags: bool) -> None:
    OrderRequirements.objects.update_or_create(
        merchant=merchant, channel=None, defaults={f"needs_{name}": on for name, on in flags.items()}
    )


def abroad(merchant: Merchant, **more: object) -> Order:
    """A draft to Australia that lacks its customs data."""
    need(merchant, customs=True)
    return make_draft(
        merchant, address={"country_code": "AU", "province_code": "NSW", "postcode": "2000", "city": "Sydney"}, **more
    )


# --- going on ----------------------------------------------------------------------------------------


def test_a_draft_without_gaps_awaits_confirmation_and_its_destinations_are_asked(draft: Order):
    fill(draft, city="Auckland")

    assert (fresh(draft).status, fresh(draft).blockers) == (OrderStatus.PENDING, [])
    assert OutboxMessage.objects.filter(order=draft, topic=Topic.CHECK_ORDER, push__isnull=False).count() == 1
    assert draft.pushes.get().checking


def test_what_is_still_missing_keeps_it_a_draft(merchant: Merchant):
    order = make_draft(merchant, address={"city": "", "postcode": ""})

    fill(order, city="Auckland")

    assert (fresh(order).status, fields(order)) == (OrderStatus.DRAFT, ["shipping_address.postcode"])
    assert order.addresses.get(kind="shipping").city == "Auckland"


def test_a_complete_draft_is_accepted_by_itself_when_the_merchant_wants_that(merchant: Merchant, draft: Order):
    Merchant.objects.update(auto_accept=True)
    draft.pushes.update(status=PushStatus.SKIPPED, wait_for="")

    fill(draft, city="Auckland")
    outbox.drain(at=NOON, world=make_world(FakeStore()))

    assert fresh(draft).status == OrderStatus.CONFIRMED


def test_an_old_check_does_not_accept_a_draft_that_became_complete(merchant: Merchant, draft: Order):
    Merchant.objects.update(auto_accept=True)
    draft.pushes.update(checked_at=NOON)

    fill(draft, city="Auckland")

    assert decisions.auto_accept(order_id=draft.pk, at=NOON) is False


def test_a_decided_order_is_left_alone(merchant: Merchant):
    order = make_order(merchant, status=OrderStatus.CONFIRMED)
    order.addresses.all().delete()

    drafts.reconsider(order_id=order.pk, **BY)

    assert fresh(order).status == OrderStatus.CONFIRMED


def test_lines_that_go_nowhere_are_still_said_of_a_complete_draft(merchant: Merchant):
    order = make_draft(merchant)
    lost = {"code": "no_destination", "message": "No store is chosen.", "field": "lines", "value": "A"}
    Order.objects.update(blockers=[*order.blockers, lost])

    fill(order, city="Auckland")

    assert (fresh(order).status, fresh(order).blockers, fresh(order).push_status) == ("pending", [lost], "held")


def test_the_country_that_was_missing_decides_where_the_lines_go(merchant: Merchant, store: Connection):
    other = make_connection(merchant, name="Sydney", is_default=False)
    Connection.objects.filter(pk=store.pk).update(is_default=True)
    RoutingRule.objects.create(merchant=merchant, connection=other, position=0, kind="country", value="AU")
    order = make_draft(merchant, connections=[store], address={"country_code": ""})
    PushLine.objects.update(routed_by="default")

    fill(order, country_code="AU", province_code="NSW", postcode="2000")

    assert {row.push.connection for row in PushLine.objects.filter(line__order=order)} == {other}


def test_lines_that_a_person_moved_stay_there(merchant: Merchant, store: Connection):
    other = make_connection(merchant, name="Sydney")
    RoutingRule.objects.create(merchant=merchant, connection=other, position=0, kind="country", value="AU")
    order = make_draft(merchant, connections=[store], address={"country_code": ""})
    PushLine.objects.update(routed_by="hand")

    fill(order, country_code="AU", province_code="NSW", postcode="2000")

    assert {row.push.connection for row in PushLine.objects.filter(line__order=order)} == {store}


# --- linked products ---------------------------------------------------------------------------------


def test_a_draft_goes_on_once_one_of_its_lines_is_linked(merchant: Merchant, store: Connection):
    need(merchant, link=True)
    order = make_draft(merchant, connections=[store], lines=[{"sku": "A"}, {"sku": "B"}], address={})
    world = make_world(FakeStore())
    outbox.drain(at=NOON, world=world)
    assert fields(order) == ["lines.sku"]

    ProductLink.objects.create(
        connection=store, sku="B", variant_id="1", variant_title="B", source="hand", checked_at=NOON
    )
    conditions.cleared(conditions.routing_changed(merchant.pk))
    outbox.drain(at=NOON, world=world)

    assert fresh(order).status == OrderStatus.PENDING


def test_a_product_that_the_store_has_links_the_draft_by_itself(merchant: Merchant, store: Connection):
    need(merchant, link=True)
    order = make_draft(merchant, connections=[store], lines=[{"sku": "A"}], address={})
    shop = FakeStore()
    shop.stock_up("A")

    outbox.drain(at=NOON, world=make_world(shop))

    assert fresh(order).status == OrderStatus.PENDING


def test_a_draft_that_waits_for_a_link_asks_once(merchant: Merchant, store: Connection):
    need(merchant, link=True)
    order = make_draft(merchant, connections=[store], lines=[{"sku": "A"}], address={"city": ""})
    outbox.drain(at=NOON, world=make_world(FakeStore()))

    fill(order, city="Auckland")
    outbox.drain(at=NOON, world=make_world(FakeStore()))

    waiting = OutboxMessage.objects.filter(order=order, status="waiting")
    assert [message.wait_for for message in waiting] == [f"routing:{merchant.pk}"]


# --- what is typed -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "typed", "kept"),
    [
        ("province_code", "Auckland", "AUK"),
        ("province_code", "nz-auk", "AUK"),
        ("province_code", "waikato", "WKO"),
        ("country_code", "nz", "NZ"),
        ("phone", "021 123 4567", "+64211234567"),
        ("postcode", " 1011 ", "1011"),
    ],
)
def test_a_value_is_kept_as_stores_want_it(draft: Order, name: str, typed: str, kept: str):
    fill(draft, **{name: typed})

    assert getattr(draft.addresses.get(kind="shipping"), name) == kept


@pytest.mark.parametrize(
    ("path", "typed", "code"),
    [
        ("shipping_address.country_code", "XX", "unknown_country"),
        ("shipping_address.province_code", "Bavaria", "unknown_province"),
        ("shipping_address.postcode", "10111", "postcode_invalid"),
        ("shipping_address.phone", "12", "not_a_phone_number"),
        ("shipping_address.city", "x" * 101, "too_long"),
        ("shipping_address.city", "a\x00b", "bad_characters"),
        ("customer.email", "harriet", "not_an_email"),
        ("customer.phone", "none", "not_a_phone_number"),
        ("lines[0].hs_code", "9403", "not_an_hs_code"),
        ("lines[0].origin_country", "Neuseeland", "too_long"),
        ("lines[0].origin_country", "XX", "unknown_country"),
        ("lines[0].customs_value", "0", "out_of_range"),
        ("lines[0].customs_value", "1.005", "too_precise"),
        ("lines[0].customs_value", "ten", "not_a_number"),
        ("lines[9].hs_code", "940360", "unknown_field"),
        ("total", "0.01", "unknown_field"),
        ("invoice_key", "4" * 44, "wrong_check_digit"),
    ],
)
def test_a_wrong_value_is_named_by_its_field_and_nothing_is_kept(draft: Order, path: str, typed: str, code: str):
    with pytest.raises(InvalidOrder) as refusal:
        drafts.save(order_id=draft.pk, given={"customer.name": "Wiremu", path: typed}, seen={}, **BY)

    assert [(problem.field, problem.code) for problem in refusal.value.problems] == [(path, code)]
    assert fresh(draft).customer_name == "Harriet Ngata"


def test_a_fiscal_key_is_kept_without_its_spaces(draft: Order):
    key = "5206 0433 0099 1100 2506 5501 2000 0007 8002 6730 1615"  # the example of the NF-e's manual

    drafts.save(order_id=draft.pk, given={"invoice_key": key}, seen={}, **BY)

    assert fresh(draft).invoice_key == key.replace(" ", "")


def test_a_new_country_is_held_against_the_postcode_that_stays(draft: Order):
    with pytest.raises(InvalidOrder) as refusal:
        fill(draft, country_code="US", province_code="OR")

    assert [problem.field for problem in refusal.value.problems] == ["shipping_address.postcode"]


def test_an_address_is_made_where_there_was_none(merchant: Merchant):
    order = make_order(merchant)
    order.addresses.all().delete()
    drafts.reconsider(order_id=order.pk, **BY)

    fill(order, address1="1 Queen Street", city="Auckland", postcode="1010", country_code="NZ")

    assert fresh(order).status == OrderStatus.PENDING
    assert order.addresses.get().city == "Auckland"


def test_customs_data_and_the_invoice_are_columns(merchant: Merchant):
    need(merchant, invoice=True, customs=True)
    order = abroad(merchant, lines=[{"sku": "A", "unit_price": "20.00"}])

    given = {"invoice_number": "INV-7", "lines[0].hs_code": "9403.60.80", "lines[0].origin_country": "nz"}
    drafts.save(order_id=order.pk, given=given | {"lines[0].customs_value": "20"}, seen={}, **BY)

    line = order.lines.get()
    assert (line.hs_code, line.origin_country, str(line.customs_value)) == ("94036080", "NZ", "20.0000")
    assert (fresh(order).invoice_number, fresh(order).status) == ("INV-7", OrderStatus.PENDING)
    assert draft_fields.values_of(fresh(order))["lines[0].customs_value"] == "20.00"


def test_a_line_that_is_not_sent_needs_no_customs_data(merchant: Merchant):
    order = abroad(merchant, lines=[{"sku": "A"}, {"sku": "GIFT-CARD", "requires_shipping": False}])

    assert fields(order) == [f"lines[0].{name}" for name in ("hs_code", "origin_country", "customs_value")]


def test_an_order_that_stays_in_the_country_needs_no_customs_data(merchant: Merchant):
    need(merchant, customs=True)
    order = make_order(merchant)

    drafts.reconsider(order_id=order.pk, **BY)

    assert fresh(order).status == OrderStatus.PENDING


def test_a_new_name_is_found_by_the_search(draft: Order):
    drafts.save(order_id=draft.pk, given={"customer.name": "Wiremu Parata"}, seen={}, **BY)

    assert "wiremu parata" in fresh(draft).search_text
    assert "harriet ngata" not in fresh(draft).search_text


# --- what a destination misses -----------------------------------------------------------------------


def make_held(merchant: Merchant, store: Connection, field: str = "shipping_address.province") -> Order:
    """A complete order that its destination refuses as it is."""
    order = make_order(merchant, connections=[store])
    blocker = {"code": "province_unknown", "message": "Kauri does not know AUK.", "field": field, "value": "AUK"}
    order.pushes.update(status=PushStatus.HELD, reason="No.", wait_for="", blockers=[blocker], checked_at=NOON)
    return order


def test_what_a_destination_misses_is_filled_in_and_it_is_asked_again(merchant: Merchant, store: Connection):
    order = make_held(merchant, store)

    fill(order, province_code="Waikato")

    assert order.addresses.get(kind="shipping").province_code == "WKO"
    assert fresh(order).status == OrderStatus.PENDING
    assert OutboxMessage.objects.filter(order=order, topic=Topic.CHECK_ORDER, push__isnull=False).count() == 1


def test_nothing_is_asked_again_when_nothing_changed(merchant: Merchant, store: Connection):
    order = make_held(merchant, store)

    fill(order, province_code="AUK")

    assert not OutboxMessage.objects.exists()


def test_emptying_a_field_of_a_complete_order_makes_it_a_draft(merchant: Merchant, store: Connection):
    order = make_held(merchant, store)

    fill(order, city="")

    assert (fresh(order).status, fields(order)) == (OrderStatus.DRAFT, [CITY])


def test_a_blocker_that_nobody_can_fill_in_opens_nothing(merchant: Merchant, store: Connection):
    order = make_held(merchant, store, field="lines.sku")

    with pytest.raises(TransitionNotAllowed, match="Nothing is missing"):
        fill(order, city="Hamilton")


# --- who and when ------------------------------------------------------------------------------------


def test_the_history_says_who_changed_what(draft: Order):
    fill(draft, city="Auckland", address1="12 Ponsonby Road")

    event = draft.events.get(kind=drafts.EDITED)
    assert (event.by, event.text) == ("ana@kauri.example", "ana@kauri.example changed: City.")
    assert event.data["changes"] == [{"field": CITY, "label": "City", "from": "", "to": "Auckland"}]


def test_saving_what_stands_there_leaves_no_line_in_the_history(draft: Order):
    fill(draft, address1="12 Ponsonby Road")

    assert not draft.events.filter(kind=drafts.EDITED).exists()


def test_the_second_editor_is_told_and_changes_nothing(merchant: Merchant):
    order = make_draft(merchant, address={"city": "", "postcode": ""})
    fill(order, city="Auckland", by="ben@kauri.example")

    with pytest.raises(ChangedMeanwhile, match=r"ben@kauri\.example changed this order") as refusal:
        fill(order, seen={CITY: ""}, city="Hamilton")

    assert refusal.value.theirs == {CITY: "Auckland"}
    assert order.addresses.get(kind="shipping").city == "Auckland"


def test_what_others_changed_elsewhere_is_no_conflict(merchant: Merchant):
    order = make_draft(merchant, address={"city": "", "postcode": ""})
    fill(order, city="Auckland", by="ben@kauri.example")

    fill(order, seen={"shipping_address.postcode": ""}, postcode="1011")

    assert fresh(order).status == OrderStatus.PENDING


def test_an_order_that_is_no_draft_any_more_is_not_changed(draft: Order):
    fill(draft, city="Auckland", by="ben@kauri.example")

    with pytest.raises(
        TransitionNotAllowed, match=r"Nothing is missing in order .*: it is awaiting confirmation, filled in by ben"
    ):
        fill(draft, city="Hamilton")
