"""A supplier that takes an order without some of its lines: they are sent again, kept here, or given back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from connectors.base import Blocker, BlockerCode, OutboundOrder, RemoteRef
from connectors.models import Connection, SupplierSettings
from orders import outbox
from orders.enums import OrderStatus, PushStatus, RefundReason
from orders.errors import ReexportRefused, TransitionNotAllowed
from orders.models import Order, OrderPush, Payment, StoreOrigin
from orders.models.export import export_status_of
from orders.models.payment import STORE
from orders.services import (
    decisions,
    fulfillment,
    kept_out,
    missing_again,
    missing_lines,
    reexports,
    refund_quotes,
    refunds,
    shipping,
)
from orders.services.open_units import WantedLine
from orders.services.shipping import Wanted
from tests.factories import NOON, make_connection, make_member, make_merchant
from tests.fakes import FakeStore, make_world
from tests.orders.api.test_partners import send
from tests.orders.services.refundable import make_paid

pytestmark = pytest.mark.django_db
SAID = (
    "S&S took #1001 without 3 x Oak stool, which the customer has paid. Send it again, keep it here to send it yourself, "
    "or give the money back."
)


class ShortStore(FakeStore):
    """Takes orders without the SKUs that it lacks, and says so."""

    def __init__(self) -> None:
        super().__init__()
        self.lacking: set[str] = set()

    def create(self, order: OutboundOrder) -> RemoteRef:
        short = [line for line in order.lines if line.sku in self.lacking]
        told = tuple(Blocker(BlockerCode.OUT_OF_STOCK, f"{line.sku} is out of stock.", "", line.sku) for line in short)
        return replace(super().create(order), left_out=told)


class Scene:
    """Three stools and a vase, paid; the supplier has no stools."""

    def __init__(self, make: Callable[..., Order] = make_paid) -> None:
        merchant = make_merchant()
        supplier = make_connection(merchant, name="S&S", platform="ssactivewear", created_at=NOON)
        SupplierSettings.objects.create(connection=supplier, auto_fulfillment=True)
        self.store = ShortStore()
        self.store.stock_up("A", "B")
        self.store.lacking = {"A"}
        self.order = make(merchant, connections=[supplier])
        self.first = self.order.pushes.get()
        missing_again.slots.promise(self.first, at=NOON)
        self.drain()

    def drain(self) -> None:
        outbox.drain(at=self.store.clock.now(), world=make_world(self.store))
        self.order = Order.objects.get(pk=self.order.pk)
        self.first = OrderPush.objects.get(pk=self.first.pk)

    @property
    def second(self) -> OrderPush:
        return self.order.pushes.exclude(pk=self.first.pk).get()

    def skus(self, push: OrderPush) -> list[str]:
        return [row.line.sku for row in push.push_lines.all()]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_the_push_says_what_is_missing_and_what_can_be_done(scene):
    assert (scene.first.status, scene.first.reason) == (PushStatus.HELD, SAID)
    assert [each["code"] for each in scene.first.blockers] == ["changed_at_destination", "out_of_stock"]
    assert [(row.line.sku, row.missing) for row in scene.first.push_lines.all()] == [("A", True), ("B", False)]


def test_what_is_missing_goes_there_again_as_an_order_of_its_own(scene):
    scene.store.lacking = set()

    missing_again.send(push_id=scene.first.pk, by="ana", at=NOON)
    scene.drain()

    assert (scene.skus(scene.first), scene.skus(scene.second)) == (["B"], ["A"])
    assert [push.status for push in (scene.first, scene.second)] == [PushStatus.PUSHED, PushStatus.PUSHED]
    assert [line.sku for line in scene.store.sent[scene.second.remote_id].lines] == ["A"]
    assert (scene.first.total, scene.second.total, scene.first.carries_shipping) == (20, 30, True)
    assert (scene.second.reference, scene.order.push_status) == (f"SW-TESTS-{scene.order.pk}-G2", "pushed")
    (said,) = scene.order.events.filter(text__startswith="ana sends").values_list("text", flat=True)
    assert said == f"ana sends 3 x Oak stool to S&S again, as SW-TESTS-{scene.order.pk}-G2."


def test_both_orders_count_in_the_headline_and_the_export(scene):
    scene.store.lacking = set()
    missing_again.send(push_id=scene.first.pk, by="ana", at=NOON)
    scene.drain()

    scene.store.change(scene.first.remote_id, cancelled=True)
    with transaction.atomic():
        fulfillment.record(push_id=scene.first.pk, remote=scene.store.orders[scene.first.remote_id], at=NOON)

    order = Order.objects.get()
    assert (order.push_status, order.headline) == (PushStatus.HELD, "push_failed")
    assert export_status_of(order.pushes.all()) == "failed"
    assert set(OrderPush.objects.newest()) == {scene.first, scene.second}


def test_still_missing_it_is_held_again_for_a_person(scene):
    missing_again.send(push_id=scene.first.pk, by="ana", at=NOON)
    scene.drain()

    assert (scene.first.status, scene.second.status) == (PushStatus.PUSHED, PushStatus.HELD)


def test_neither_part_is_exported_again(scene):
    scene.store.lacking = set()
    missing_again.send(push_id=scene.first.pk, by="ana", at=NOON)
    scene.drain()

    for push in (scene.first, scene.second):
        with pytest.raises(ReexportRefused, match="an order of its own"):
            reexports.ask(push_id=push.pk, by="ana", at=NOON)


def test_called_off_both_orders_are_cancelled_there(scene):
    scene.store.lacking = set()
    missing_again.send(push_id=scene.first.pk, by="ana", at=NOON)
    scene.drain()

    decisions.cancel(order_id=scene.order.pk, reason="x", by="ana", at=NOON)
    scene.drain()

    assert [order.cancelled for order in scene.store.orders.values()] == [True, True]


def test_kept_here_it_is_shipped_from_here_and_can_be_brought_back(scene):
    missing_again.keep(push_id=scene.first.pk, by="ana", at=NOON)
    scene.drain()

    assert (scene.first.status, scene.second.status) == (PushStatus.PUSHED, PushStatus.SKIPPED)
    kept_out.bring_back(push_id=scene.second.pk, by="ana", at=NOON)
    scene.store.lacking = set()
    scene.drain()
    assert (scene.second.status, scene.first.total + scene.second.total) == (PushStatus.PUSHED, scene.order.total)


def test_what_is_kept_here_is_said_once(scene):
    missing_again.keep(push_id=scene.first.pk, by="ana", at=NOON)

    assert scene.order.events.filter(text__contains="ana keeps").count() == 1


def test_what_is_kept_here_can_be_shipped(scene):
    missing_again.keep(push_id=scene.first.pk, by="ana", at=NOON)

    shipping.ship(order_id=scene.order.pk, wanted=Wanted((WantedLine("1", 3),)), by="ana", at=NOON)

    assert scene.order.lines.get(sku="A").fulfilled_quantity == 3


def test_given_back_it_holds_nothing_any_more_and_withdrawn_it_does_again(scene):
    wanted = missing_lines.suggested(scene.order, refund_quotes.left_of(scene.order))
    assert ([(line.id, line.quantity) for line in wanted.lines], wanted.reason) == (
        [("1", 3)],
        RefundReason.OUT_OF_STOCK,
    )

    refund, _ = refunds.issue(order_id=scene.order.pk, wanted=wanted, by="ana", at=NOON)

    push = OrderPush.objects.get()
    assert (push.status, push.blockers, push.reason) == (PushStatus.PUSHED, [], "")
    refunds.withdraw(refund_id=refund.pk, by="ana", at=NOON)
    push = OrderPush.objects.get()
    assert (push.status, push.reason) == (PushStatus.HELD, SAID)


def test_given_back_in_part_the_rest_is_still_owed(scene):
    wanted = replace(
        missing_lines.suggested(scene.order, refund_quotes.left_of(scene.order)),
        lines=(refund_quotes.WantedLine("1", 1),),
    )

    refunds.issue(order_id=scene.order.pk, wanted=wanted, by="ana", at=NOON)

    push = OrderPush.objects.prefetch_related("push_lines__line").get()
    assert (push.status, missing_lines.in_words(missing_lines.owed(push))) == (PushStatus.HELD, "2 x Oak stool")


def test_what_does_not_say_which_line_it_is_about_leaves_the_old_ways(scene):
    rows = missing_lines.mark(scene.first, [Blocker(BlockerCode.INTERNAL_ERROR, "Something.", "order")])

    assert rows == []
    assert missing_lines.blocker(scene.first, rows).message.endswith("or refund what is missing.")


def test_a_place_names_no_line_as_lines_of_which_nothing_was_sent_have_none(scene):
    assert missing_lines.mark(scene.first, [Blocker(BlockerCode.OUT_OF_STOCK, "Something.", "lines[1].sku")]) == []


@pytest.mark.parametrize("do", [missing_again.send, missing_again.keep])
def test_nothing_is_missing_twice(scene, do):
    missing_again.keep(push_id=scene.first.pk, by="ana", at=NOON)

    with pytest.raises(TransitionNotAllowed, match="Nothing of this order is missing there"):
        do(push_id=scene.first.pk, by="ana", at=NOON)


def test_an_order_that_is_over_sends_nothing_again(scene):
    Order.objects.update(status=OrderStatus.COMPLETED, completed_at=NOON)

    with pytest.raises(TransitionNotAllowed, match="not confirmed and paid"):
        missing_again.send(push_id=scene.first.pk, by="ana", at=NOON)


def test_a_disconnected_supplier_is_sent_nothing(scene):
    Connection.objects.update(state="removed")

    with pytest.raises(TransitionNotAllowed, match="was disconnected"):
        missing_again.send(push_id=scene.first.pk, by="ana", at=NOON)


# --- doors -------------------------------------------------------------------------------------------


def test_the_page_offers_all_three_ways(scene):
    client = Client()
    client.force_login(make_member(scene.order.merchant))
    page = client.get(reverse("orders:detail", args=[scene.order.public_id])).content.decode()
    assert f'id="missing-{scene.first.public_id}"' in page
    refund = client.get(reverse("orders:refund", args=[scene.order.public_id]) + "?missing=1")
    assert refund.context["form"].initial["line-0"] == 3

    assert client.post(reverse("orders:push_send_missing", args=[scene.first.public_id])).status_code == 302

    assert scene.second.beside
    page = client.get(reverse("orders:detail", args=[scene.order.public_id])).content.decode()
    assert "what was missing" in page
    assert f'id="missing-{scene.first.public_id}"' not in page


def test_the_page_keeps_it_here(scene):
    client = Client()
    client.force_login(make_member(scene.order.merchant))

    client.post(reverse("orders:push_keep_missing", args=[scene.first.public_id]))

    assert scene.second.status == PushStatus.SKIPPED


def test_the_api_tells_what_is_missing_and_takes_both_ways(scene):
    shown = send(scene.order.merchant, "GET", f"orders/{scene.order.public_id}/").json()["pushes"][0]
    assert [line["missing"] for line in shown["lines"]] == [True, False]

    kept = send(scene.order.merchant, "POST", f"pushes/{scene.first.public_id}/keep-missing/").json()["pushes"]
    assert [(push["status"], push["beside"]) for push in kept] == [("pushed", False), ("skipped", True)]
    again = send(scene.order.merchant, "POST", f"pushes/{scene.first.public_id}/send-missing/")
    assert (again.status_code, again.json()["code"]) == (409, "transition_not_allowed")


@pytest.mark.parametrize("door", ["send_missing", "keep_missing", "given_back", "not_given_back"])
def test_a_stranger_and_a_viewer_do_nothing(scene, door):
    statuses = []
    for user in (make_member(scene.order.merchant, Role.VIEWER), make_member(make_merchant())):
        client = Client()
        client.force_login(user)
        statuses.append(client.post(reverse(f"orders:push_{door}", args=[scene.first.public_id])).status_code)
    strange = send(make_merchant(), "POST", f"pushes/{scene.first.public_id}/{door.replace('_', '-')}/")

    assert (statuses, strange.status_code, OrderPush.objects.count()) == ([403, 404], 404, 1)


def test_the_api_has_the_refund_of_what_is_missing_filled_in(scene):
    told = send(scene.order.merchant, "GET", f"orders/{scene.order.public_id}/refunds/suggested/").json()

    assert told["owed_back"] is None
    assert (told["refund"]["lines"], told["refund"]["reason"]) == ([{"id": "1", "quantity": 3}], "out_of_stock")
    assert told["quote"]["amount"] == "30.00"


# --- paid in the store where it was bought -------------------------------------------------------------

THERE = (
    "S&S took #1001 without 3 x Oak stool, which the customer has paid in Oak Shop: 30.00 NZD. Send it again, keep it "
    "here to send it yourself, or give it back in Oak Shop and say so here."
)


@pytest.fixture
def paid_there() -> Scene:
    return Scene(_paid_in_its_store)


def _paid_in_its_store(*args, **fields) -> Order:
    order = make_paid(*args, **fields)
    type(order.channel).objects.update(name="Oak Shop")
    Payment.objects.filter(order=order).update(gateway=STORE, reference="")
    return order


def test_paid_in_a_store_it_says_what_is_to_be_given_back_there(paid_there):
    assert paid_there.first.reason == THERE


def test_given_back_in_that_store_nothing_is_held_and_no_money_moves(paid_there):
    missing_again.given_back(push_id=paid_there.first.pk, by="ana", at=NOON)
    paid_there.drain()

    stools = paid_there.order.lines.get(sku="A")
    assert (paid_there.first.status, stools.called_off_quantity, stools.due_quantity) == (PushStatus.PUSHED, 3, 0)
    assert (Payment.objects.get().refunded, paid_there.order.refunds.count()) == (0, 0)
    (said,) = paid_there.order.events.filter(kind="push.given_back_there").values_list("text", flat=True)
    assert said == "ana gave 3 x Oak stool back in Oak Shop: 30.00 NZD."


def test_the_order_is_complete_once_the_rest_has_arrived(paid_there):
    missing_again.given_back(push_id=paid_there.first.pk, by="ana", at=NOON)
    paid_there.store.fulfill(paid_there.first.remote_id, {"B": 1})
    with transaction.atomic():
        fulfillment.record(
            push_id=paid_there.first.pk, remote=paid_there.store.orders[paid_there.first.remote_id], at=NOON
        )

    assert Order.objects.get().status == OrderStatus.COMPLETED


def test_said_by_mistake_it_is_owed_again(paid_there):
    missing_again.given_back(push_id=paid_there.first.pk, by="ana", at=NOON)

    missing_again.not_given_back(push_id=paid_there.first.pk, by="ana", at=NOON)

    push = OrderPush.objects.get()
    assert (push.status, push.reason, push.order.called_off_units) == (PushStatus.HELD, THERE, 0)
    with pytest.raises(TransitionNotAllowed, match="Nobody said"):
        missing_again.not_given_back(push_id=push.pk, by="ana", at=NOON)


def test_what_was_paid_here_is_not_given_back_elsewhere(scene):
    with pytest.raises(TransitionNotAllowed, match="refund what is missing here"):
        missing_again.given_back(push_id=scene.first.pk, by="ana", at=NOON)


def test_the_page_leads_to_that_store_and_takes_both_answers(paid_there):
    url = "https://shop.test/orders/7"
    StoreOrigin.objects.create(order=paid_there.order, url=url, read_at=NOON, remote_updated_at=NOON, digest="d")
    client, page = Client(), reverse("orders:detail", args=[paid_there.order.public_id])
    client.force_login(make_member(paid_there.order.merchant))
    text = client.get(page).content.decode()
    assert (url in text, "It is given back there" in text, "?missing=1" in text) == (True, True, False)

    client.post(reverse("orders:push_given_back", args=[paid_there.first.public_id]))
    text = client.get(page).content.decode()
    assert ("Given back in Oak Shop: 3 x Oak stool" in text, "It is given back there" in text) == (True, False)
    client.post(reverse("orders:push_not_given_back", args=[paid_there.first.public_id]))

    assert "It is given back there" in client.get(page).content.decode()


def test_the_api_takes_both_answers(paid_there):
    merchant, push = paid_there.order.merchant, paid_there.first.public_id

    said = send(merchant, "POST", f"pushes/{push}/given-back/").json()["pushes"][0]
    taken_back = send(merchant, "POST", f"pushes/{push}/not-given-back/").json()["pushes"][0]

    assert (said["status"], [line["given_back_there"] for line in said["lines"]]) == ("pushed", [3, 0])
    assert (taken_back["status"], [line["given_back_there"] for line in taken_back["lines"]]) == ("held", [0, 0])
