"""A store's orders pushed to the store that owns the products, and back: two merchants, two practice stores, over HTTP.

Each test is a sentence of what this has to do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Merchant, User
from connectors.models import Connection, Partnership
from connectors.practice import dials
from connectors.practice import services as practice
from connectors.practice.models import PracticeOrder, PracticeShop
from orders import outbox
from orders.enums import FulfillmentStatus, OrderStatus, PushStatus, Topic
from orders.models import Channel, Order, OrderPush, OutboxMessage, WriteBack
from orders.services import decisions, fulfillment, intake
from tests.connectors.practice.shop import create, line
from tests.factories import make_member, make_merchant
from tests.orders.services.partnered import new_order
from tests.server import let_go

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Trade:
    """Kauri & Clay sells BOWL and MUG, which Atua Ceramics owns, beside its own RUG."""

    seller: Merchant
    person: User
    page: Client  # of the seller
    owner: Merchant
    potter_page: Client
    shop: PracticeShop  # where customers buy
    kiln: PracticeShop  # the source store
    channel: Channel
    partnership: Partnership

    def buy(self, *skus: str, **fields: Any) -> Order:
        """A customer buys at the seller's store; the order comes in and waits for its checks."""
        there = create(
            self.shop, lineItems=[line(self.shop, sku, quantity=2 if sku == "BOWL" else 1) for sku in skus]
        )  # fmt: skip
        now, price = timezone.now(), fields.pop("price", "30.00")
        lines = tuple((sku, 2 if sku == "BOWL" else 1, price) for sku in skus)
        new = new_order(self.seller, lines, external_id=f"gid://shopify/Order/{there.pk}", placed_at=now, **fields)
        ids = {row.sku: f"gid://shopify/LineItem/{row.pk}" for row in there.lines.all()}
        new = replace(new, lines=tuple(replace(each, external_id=ids[each.sku]) for each in new.lines))
        if new.payment:
            new = replace(new, payment=replace(new.payment, authorized_at=now, expires_at=now + timedelta(days=7)))
        order, _ = intake.place(channel=self.channel, merchant=self.seller, new=new, by="Kauri Shop", at=now)
        outbox.drain()
        return Order.objects.get(pk=order.pk)

    def paid(self, *skus: str, **fields: Any) -> Order:
        order = self.buy(*skus, **fields)
        decisions.confirm(order_id=order.pk, by="ana", at=timezone.now())
        outbox.drain()
        return Order.objects.get(pk=order.pk)

    def push(self, order: Order, **data: str) -> OrderPush:
        """By the button of the list."""
        door = reverse("orders:partner_push", args=[self.push_of(order).public_id])
        assert self.page.post(door, data).status_code == 302
        outbox.drain()
        return self.push_of(order)

    def says_why_it_stays(self, order: Order) -> bool:
        """The list has it with the reason and the fix; pressed all the same, it is not pushed."""
        shown, reasons = unescape(self.list()), [blocker["message"] for blocker in order.blockers]
        answer = self.page.post(reverse("orders:partner_push", args=[self.push_of(order).public_id]))
        outbox.drain()
        assert f"Order {order.number} was not pushed to {self.owner.name}." in answer.content.decode()
        assert not PracticeOrder.objects.filter(shop=self.kiln).exists()
        return all(words in shown for words in (*reasons, reverse("orders:draft", args=[order.public_id])))

    def push_of(self, order: Order) -> OrderPush:
        return order.pushes.get(connection__source__isnull=False)

    def made(self) -> PracticeOrder:
        """The one order in the source store."""
        return PracticeOrder.objects.get(shop=self.kiln)

    def bought(self, order: Order) -> PracticeOrder:
        return PracticeOrder.objects.get(pk=order.external_id.rpartition("/")[2])

    def settings(self, **data: str) -> None:
        door = reverse("orders:partner_settings", args=[self.partnership.public_id])
        assert self.page.post(door, data).status_code == 302

    def rules(self, at_least: str, costs: str) -> None:
        data = {"rules-TOTAL_FORMS": "1", "rules-INITIAL_FORMS": "0"}
        data |= {"rules-0-at_least": at_least, "rules-0-costs": costs}
        assert (
            self.page.post(reverse("orders:partner_rules", args=[self.partnership.public_id]), data).status_code == 302
        )

    def list(self) -> str:
        return self.page.get(reverse("orders:partner_orders")).content.decode()

    def ship(self, *numbers: str) -> Any:
        parcels = [
            {"number": number, "company": "NZ Post", "url": f"https://nz.example/{number}"} for number in numbers
        ]
        return practice.fulfill(order_id=self.made().pk, quantities=None, parcels=parcels)

    def read_again(self, order: Order) -> None:
        """As a webhook or the poll would have it."""
        with transaction.atomic():
            fulfillment.ask(self.push_of(order), cause=f"test-{timezone.now()}", at=timezone.now())
        outbox.drain()


@pytest.fixture
def trade(live_server, settings):
    settings.BASE_URL = live_server.url
    yield arranged()
    let_go()


def arranged() -> Trade:
    """All by the pages that people use: two stores connected, asked and accepted, shared, the add-on switched on."""
    seller, owner = make_merchant(name="Kauri & Clay"), make_merchant(name="Atua Ceramics", slug="atua")
    person, potter = make_member(seller, email="ana@kauri.example"), make_member(owner, email="mia@atua.example")
    pages = signed_in(person), signed_in(potter)
    shop = opened("kauri", "Kauri Shop", "BOWL", "MUG", "RUG", "STOOL")
    kiln = opened("atua", "Atua Shop", "BOWL", "MUG", "VASE")
    for page, store in zip(pages, (shop, kiln), strict=True):
        assert page.post("/connections/new/shopify/", {"practice": store.slug}).status_code == 302
    mine = Connection.objects.get(merchant=seller)
    Connection.objects.filter(pk=mine.pk).update(is_destination=False, is_default=False)
    theirs = Connection.objects.get(merchant=owner)
    pages[0].post(reverse("orders:partners"), {"side": "destination", "whom": "atua", "store": ""})
    row = Partnership.objects.get()
    pages[1].post(reverse("orders:partner_accept", args=[row.public_id]), {"store": theirs.public_id})
    shared = pages[1].post(reverse("orders:partner_share", args=[row.public_id]), {"skus": "BOWL\nMUG"})
    assert shared.status_code == 302, shared.content
    pages[0].post(reverse("orders:plan"), {"orders_addon": "1"})
    channel = Channel.objects.create(connection=mine, name="Kauri Shop")
    row.refresh_from_db()
    return Trade(seller, person, pages[0], owner, pages[1], shop, kiln, channel, row)


def signed_in(user: User) -> Client:
    page = Client()
    page.force_login(user)
    return page


def opened(slug: str, name: str, *skus: str) -> PracticeShop:
    variants = [{"sku": sku, "title": sku.title(), "price": "30.00", "stock": 50} for sku in skus]
    return practice.open_shop(slug=slug, name=name, currency="NZD", taxes_included=True, variants=variants)


# --- which orders, and the add-on ----------------------------------------------------------------------


def test_the_add_on_is_switched_on_under_the_plan_and_hides_the_orders_when_it_is_off(trade):
    order = trade.paid("BOWL")
    assert order.number in trade.list()
    assert f'href="{reverse("orders:detail", args=[order.public_id])}"' in trade.list()

    trade.page.post(reverse("orders:plan"), {"orders_addon": "0"})

    assert trade.page.get(reverse("orders:partner_orders")).status_code == 404


def test_orders_with_synced_products_appear_and_others_do_not(trade):
    synced, other = trade.paid("BOWL", "RUG"), trade.paid("RUG")

    shown = trade.list()

    assert synced.number in shown
    assert other.number not in shown


@pytest.mark.parametrize(
    ("missing", "code"),
    [
        ({"payment": None}, "not_paid"),
        ({"customer_name": ""}, "address_incomplete"),
        ({"shipping_address": None}, "address_incomplete"),
    ],
)
def test_an_order_has_to_be_paid_with_a_valid_name_and_address(trade, missing, code):
    order = trade.buy("BOWL", **missing)

    assert order.status == OrderStatus.DRAFT
    assert code in [blocker["code"] for blocker in order.blockers]
    assert trade.says_why_it_stays(order)


def test_an_order_has_to_be_worth_something(trade):
    order = trade.buy("BOWL", price="0.00", shipping=Decimal(0))

    assert "zero_total" in [blocker["code"] for blocker in order.blockers]
    assert trade.says_why_it_stays(order)


def test_only_synced_lines_are_pushed(trade):
    trade.push(trade.paid("BOWL", "RUG"))

    assert [(row.sku, row.quantity) for row in trade.made().lines.order_by("pk")] == [("BOWL", 2)]


# --- by hand and by itself -----------------------------------------------------------------------------


def test_an_order_is_pushed_by_hand_unless_the_switch_at_the_top_says_otherwise(trade):
    waiting = trade.paid("BOWL")
    assert trade.push_of(waiting).waits_for_mark
    assert 'aria-checked="false">Automatic: Atua Ceramics' in trade.list()

    trade.page.post(reverse("orders:partner_automatic", args=[trade.partnership.public_id]), {"on": "1"})
    by_itself = trade.paid("MUG")

    assert trade.push_of(by_itself).status == PushStatus.PUSHED
    assert trade.push_of(waiting).waits_for_mark


def test_details_and_push_status_are_shown(trade):
    order = trade.paid("BOWL", "RUG")
    assert "Not pushed" in trade.list()

    trade.push(order)

    assert '<span class="badge ok">Pushed</span>' in trade.list()
    page = trade.page.get(reverse("orders:detail", args=[order.public_id])).content.decode()
    assert f"as {trade.made().name}" in page


def test_each_source_store_is_pushed_to_separately(trade):
    other = make_merchant(name="Rimu Works", slug="rimu")
    page = signed_in(make_member(other))
    rugs = opened("rimu", "Rimu Shop", "RUG")
    page.post("/connections/new/shopify/", {"practice": rugs.slug})
    trade.page.post(reverse("orders:partners"), {"side": "destination", "whom": "rimu", "store": ""})
    row = Partnership.objects.get(source=other)
    store = Connection.objects.get(merchant=other)
    page.post(reverse("orders:partner_accept", args=[row.public_id]), {"store": store.public_id})
    page.post(reverse("orders:partner_share", args=[row.public_id]), {"skus": "RUG"})
    order = trade.paid("BOWL", "RUG")

    door = reverse("orders:partner_push", args=[order.pushes.get(connection__name="Rimu Works").public_id])
    trade.page.post(door)
    outbox.drain()

    assert PracticeOrder.objects.get(shop=rugs).lines.get().sku == "RUG"
    assert not PracticeOrder.objects.filter(shop=trade.kiln).exists()
    assert "Partially pushed" in trade.list()


def test_a_lost_answer_of_the_source_store_makes_one_order_there(trade):
    order = trade.paid("BOWL")
    dials.turn(trade.kiln.pk, "lost_answer", left=1)
    assert trade.push(order).status == PushStatus.UNKNOWN

    OutboxMessage.objects.filter(topic=Topic.PUSH_ORDER).update(next_attempt_at=timezone.now())
    outbox.drain()

    assert trade.push_of(order).status == PushStatus.PUSHED
    assert trade.made().total == Decimal("60.00")


# --- push settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "address"),
    [
        ({"email_policy": "own"}, "ana@kauri.example"),
        ({"email_policy": "customer"}, "harriet@example.com"),
        ({"email_policy": "other", "other_email": "desk@kauri.example"}, "desk@kauri.example"),
    ],
)
def test_the_source_store_gets_the_chosen_address_which_is_told_when_it_sends(trade, chosen, address):
    trade.settings(**chosen)
    order = trade.paid("BOWL")
    trade.push(order)
    assert trade.made().details["email"] == address
    mail.outbox.clear()

    trade.ship("NZ1")
    trade.read_again(order)

    assert [(letter.to, "https://nz.example/NZ1" in letter.body) for letter in mail.outbox] == [([address], True)]


def test_shipping_costs_what_the_rules_say(trade):
    trade.rules("50.00", "12.00")

    trade.push(trade.paid("BOWL"))

    assert (trade.made().shipping, trade.made().total) == (Decimal("12.00"), Decimal("72.00"))


def test_without_a_rule_that_fits_shipping_costs_nothing(trade):
    trade.rules("100.00", "10.00")

    trade.push(trade.paid("BOWL"))

    assert trade.made().shipping == 0


def test_a_typed_shipping_cost_counts_on_a_manual_push(trade):
    trade.rules("0", "12.00")

    push = trade.push(trade.paid("BOWL"), shipping="4.50")

    assert (trade.made().shipping, push.remote_total, push.total) == (
        Decimal("4.50"),
        Decimal("64.50"),
        Decimal("64.50"),
    )


# --- in the source store, and back -----------------------------------------------------------------------


def test_the_source_store_has_a_tag_and_a_note_with_the_seller_and_the_order_number(trade):
    order = trade.paid("BOWL")
    trade.push(order)

    assert f"Kauri & Clay {order.number}" in trade.made().tags
    assert f"Kauri & Clay order {order.number}" in trade.made().note


def test_the_source_store_has_nothing_else_of_the_seller_s_order(trade):
    order = trade.paid("BOWL", "RUG")
    trade.push(order)
    made = trade.made()

    everything = str([made.note, made.tags, made.attributes, made.details])
    for hidden in ("gate code", "PO-77", "1 Secret Lane", order.public_id, "harriet@example.com", "RUG"):
        assert hidden not in everything


def test_fulfillment_and_tracking_are_written_to_the_store_where_the_customer_bought(trade):
    order = trade.paid("BOWL")
    trade.push(order)

    trade.ship("NZ1")
    trade.read_again(order)

    order.refresh_from_db()
    there = trade.bought(order).fulfillments.get()
    assert order.fulfillment_status == FulfillmentStatus.FULFILLED
    assert [item["number"] for item in there.trackings] == ["NZ1"]
    assert [(row.line.sku, row.quantity) for row in there.lines.all()] == [("BOWL", 2)]
    assert WriteBack.objects.get().state == "done"


def test_lines_of_the_seller_s_own_are_left_to_the_seller(trade):
    order = trade.paid("BOWL", "RUG")
    trade.push(order)

    trade.ship("NZ1")
    trade.read_again(order)

    there = trade.bought(order)
    assert [row.line.sku for row in there.fulfillments.get().lines.all()] == ["BOWL"]
    assert {row.sku: row.unfulfilled for row in there.lines.all()} == {"BOWL": 0, "RUG": 1}


def test_late_tracking_is_accepted_too(trade):
    order = trade.paid("BOWL")
    trade.push(order)
    sent = trade.ship()
    trade.read_again(order)
    assert trade.bought(order).fulfillments.get().trackings == []

    practice.add_tracking(fulfillment_id=sent.pk, parcels=[{"number": "NZ9", "company": "NZ Post"}])
    trade.read_again(order)

    assert [item["number"] for item in trade.bought(order).fulfillments.get().trackings] == ["NZ9"]


def test_while_the_seller_s_store_is_down_it_is_told_later_and_once(trade):
    order = trade.paid("BOWL", "MUG")
    trade.push(order)
    trade.ship("NZ1")
    dials.turn(trade.shop.pk, "down", left=1)
    trade.read_again(order)
    assert WriteBack.objects.get().state == "waiting"

    OutboxMessage.objects.filter(topic=Topic.WRITE_BACK).update(next_attempt_at=timezone.now())
    outbox.drain()

    assert WriteBack.objects.get().state == "done"
    assert trade.bought(order).fulfillments.count() == 1


def test_where_it_is_sent_from_is_left_to_the_source_store(trade):
    trade.push(trade.paid("BOWL"))

    assert "fulfillment" not in trade.made().details
    assert trade.made().fulfillments.count() == 0


# --- between the two ------------------------------------------------------------------------------------


def test_the_source_sees_what_it_has_to_ship(trade):
    order = trade.paid("BOWL", "RUG")
    trade.push(order)

    page = trade.potter_page.get(reverse("orders:partner_shipments")).content.decode()

    assert trade.made().name in page
    assert "12 Ponsonby Road" in page
    assert "harriet@example.com" not in page
    assert "Rug" not in page


def test_the_source_s_calls_are_logged_for_it_alone_and_the_seller_sees_no_address_of_it(trade):
    order = trade.paid("BOWL")
    trade.push(order)
    stand_in = trade.partnership.connection

    assert stand_in.calls.count() == 0
    assert trade.partnership.source_connection.calls.filter(operation="order_create").count() == 1
    for address in (reverse("orders:detail", args=[order.public_id]), reverse("orders:partner_orders")):
        assert "/practice/shopify/atua" not in trade.page.get(address).content.decode()


def test_revoked_nothing_new_is_sent_and_what_waits_says_why(trade):
    order = trade.paid("BOWL")

    trade.potter_page.post(reverse("orders:partner_revoke", args=[trade.partnership.public_id]))
    outbox.drain()

    assert trade.push_of(order).reason.startswith("Atua Ceramics ended the partnership.")
    assert not PracticeOrder.objects.filter(shop=trade.kiln).exists()
    assert "Revoked" in trade.page.get(reverse("orders:partners")).content.decode()
