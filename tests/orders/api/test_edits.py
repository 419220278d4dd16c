"""Edits by the marketplace: read like a new order, refused when they come too late, flagged where it was exported."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest

from connectors.errors import OutcomeUnknownError
from connectors.gateway.sandbox import SandboxGateway
from connectors.models import SandboxCharge
from orders import outbox
from orders.enums import ExportStatus, PushStatus, Topic
from orders.errors import TransitionNotAllowed
from orders.models import Order, OrderPush, OutboxMessage, Payment
from orders.models.export import export_status_of
from orders.services import decisions, open_units, outbound, requirements
from orders.services.readiness import Needs
from tests.factories import NOON, make_connection
from tests.fakes import FakeStore, make_world
from tests.orders.api.client import Api, make_api, sample

pytestmark = pytest.mark.django_db
THERE = {"status": "pushed", "wait_for": "", "remote_id": "1", "pushed_at": NOON}


@pytest.fixture
def api(db: None) -> Api:
    return make_api()


@pytest.fixture
def order(api: Api) -> Order:
    """Placed over the API for one store, and checked there."""
    make_connection(api.merchant, name="Kauri Shopify")
    api.place(sample())
    OutboxMessage.objects.all().delete()
    return Order.objects.get()


@pytest.fixture
def exported(order: Order) -> Order:
    """In the store as #1001, and paid."""
    push, store = order.pushes.get(), FakeStore()
    ref = store.add(outbound.build(push))
    Order.objects.update(status="confirmed", payment_status="captured", decided_at=NOON, decided_by="ana")
    Payment.objects.update(status="captured", captured=order.total, captured_at=NOON)
    OrderPush.objects.update(status="pushed", wait_for="", remote_id=ref.remote_id, remote_name="#1001", pushed_at=NOON)
    order.refresh_from_db()
    return order


def edit(api: Api, order: Order, *, revision: int = 1, key: str | None = None, **parts: Any):
    return api.send("PATCH", f"orders/{order.public_id}/", {"revision": revision, **parts}, key=key)


def test_an_edit_before_the_decision_changes_the_order_and_has_it_checked_again(api: Api, order: Order):
    response = edit(api, order, note="Leave it at the back door.", attributes={"po_number": "PO-9"})

    assert response.status_code == 200
    body = response.json()
    assert (body["customer_note"], body["attributes"], body["revision"]) == (
        "Leave it at the back door.", {"po_number": "PO-9"}, 2,
    )  # fmt: skip
    assert OutboxMessage.objects.filter(topic=Topic.CHECK_ORDER).exists()
    assert order.events.get(kind="order.edited").text == f"{api.marketplace.name} edited: note, details."
    order.refresh_from_db()
    assert "po-9" in order.search_text


def test_an_edited_address_is_stored(api: Api, order: Order):
    address = {**sample()["shipping_address"], "address1": "1 Queen Street"}

    edit(api, order, shipping_address=address)

    assert order.addresses.get(kind="shipping").address1 == "1 Queen Street"


def test_an_edit_of_an_older_revision_is_refused(api: Api, order: Order):
    edit(api, order, note="First.")

    response = edit(api, order, note="Second.")

    assert (response.status_code, response.json()["code"]) == (409, "version_conflict")
    order.refresh_from_db()
    assert order.customer_note == "First."


def test_an_edit_that_changes_nothing_leaves_no_trace(api: Api, order: Order):
    response = edit(api, order, note=order.customer_note)

    assert response.json()["revision"] == 1
    assert not order.events.filter(kind="order.edited").exists()


@pytest.mark.parametrize(
    ("parts", "field", "code"),
    [
        ({"number": "X"}, "number", "not_editable"),
        ({"revision": "1"}, "revision", "required"),
        ({"total": "1.00"}, "total", "does_not_add_up"),
        ({"note": 5}, "customer.note", "wrong_type"),
        ({"shipping_address": {"country_code": "XX"}}, "shipping_address.country_code", "unknown_country"),
    ],
)
def test_each_problem_names_its_field(api: Api, order: Order, parts, field: str, code: str):
    response = edit(api, order, **parts)

    assert response.status_code == 422
    assert (field, code) in [(problem["field"], problem["code"]) for problem in response.json()["errors"]]


def test_only_the_marketplace_edits_its_orders(api: Api, order: Order):
    assert edit(api, order, key=api.merchant_key, note="x").status_code == 403
    assert edit(make_api("rimu"), order, note="x").status_code == 404


@pytest.mark.parametrize("status", ["draft", "cancelled"])
def test_an_order_that_is_not_open_is_not_edited(api: Api, order: Order, status: str):
    decided = {} if status == "draft" else {"decided_at": NOON, "decided_by": "ana"}
    blockers = [{"code": "address_incomplete", "message": "x"}] if status == "draft" else []
    Order.objects.update(status=status, blockers=blockers, **decided)

    assert edit(api, order, note="x").json()["code"] == "transition_not_allowed"


def test_more_than_the_payment_covers_is_refused(api: Api, order: Order):
    Payment.objects.update(authorized=order.total - 1)
    body = sample()
    body["lines"][0]["unit_price"] = str(Decimal(body["lines"][0]["unit_price"]) + 1)
    units = body["lines"][0]["quantity"]
    sums = {name: str(Decimal(body[name]) + units) for name in ("subtotal", "total")}

    response = edit(api, order, lines=body["lines"], **sums)

    assert [problem["code"] for problem in response.json()["errors"]] == ["more_than_authorized"]


def test_fewer_units_before_the_decision_are_what_is_sent(api: Api, order: Order):
    body = sample()
    line = body["lines"][0]
    less = Decimal(line["unit_price"])
    line["quantity"] -= 1
    line["taxes"] = []
    for other in body["lines"][1:]:
        other["taxes"] = []
    sums = {"subtotal": str(Decimal(body["subtotal"]) - less), "total": str(Decimal(body["total"]) - less), "tax": "0"}

    response = edit(api, order, lines=body["lines"], shipping={**body["shipping"], "taxes": []}, **sums)

    assert response.status_code == 200, response.json()
    push = order.pushes.get()
    assert str(push.total) == str(Decimal(sums["total"]).quantize(push.total))


# --- after the export ------------------------------------------------------------------------------


def test_an_edit_after_the_export_sends_nothing_and_flags_the_push(api: Api, exported: Order):
    before = exported.addresses.get(kind="shipping").address1

    response = edit(api, exported, shipping_address={**sample()["shipping_address"], "address1": "1 Queen Street"})

    (push,) = response.json()["pushes"]
    assert response.json()["export_status"] == "modified"
    (change,) = push["changes"]
    assert change["field"] == "shipping_address"
    assert (before in change["before"], "1 Queen Street" in change["after"]) == (True, True)
    assert not OutboxMessage.objects.exists()
    assert push["status"] == PushStatus.PUSHED


def test_an_edit_that_is_taken_back_is_no_change(api: Api, exported: Order):
    edit(api, exported, note="Ring twice")

    response = edit(api, exported, revision=2, note=exported.customer_note)

    assert response.json()["export_status"] == "success"
    assert response.json()["pushes"][0]["changes"] == []


def test_two_edits_of_one_part_keep_what_was_exported(api: Api, exported: Order):
    edit(api, exported, note="Ring twice")

    response = edit(api, exported, revision=2, note="Ring thrice")

    (change,) = response.json()["pushes"][0]["changes"]
    assert (change["before"], change["after"]) == (exported.customer_note, "Ring thrice")


def test_once_paid_the_total_is_what_was_paid(api: Api, exported: Order):
    body = sample()
    body["lines"][0]["unit_price"] = str(Decimal(body["lines"][0]["unit_price"]) - 1)
    units = body["lines"][0]["quantity"]
    sums = {name: str(Decimal(body[name]) - units) for name in ("subtotal", "total")}

    response = edit(api, exported, lines=body["lines"], **sums)

    assert [problem["code"] for problem in response.json()["errors"]] == ["not_what_was_paid"]


def test_units_that_were_sent_stay_in_the_order(api: Api, exported: Order):
    exported.lines.filter(position=0).update(fulfilled_quantity=1)
    lines = sample()["lines"]
    lines[0]["id"] = "another"

    response = edit(api, exported, lines=lines)

    assert [(p["field"], p["code"]) for p in response.json()["errors"]] == [("lines", "already_sent")]


# --- the filter ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("push", "word"),
    [
        ({}, "not_attempted"),
        ({"status": "queued", "wait_for": ""}, "not_attempted"),
        ({"status": "held", "wait_for": "", "reason": "x"}, "failed"),
        ({"status": "unknown", "wait_for": ""}, "failed"),
        (THERE, "success"),
        (THERE | {"changed_at": NOON, "changes": [{"field": "note"}]}, "modified"),
        (THERE | {"status": "cancelled"}, "success"),
    ],
)
def test_the_export_is_told_in_one_word_and_found_by_it(api: Api, order: Order, push, word: str):
    OrderPush.objects.update(**push)

    found = {
        status: [row["export_status"] for row in api.send("GET", f"orders/?export_status={status}").json()["results"]]
        for status in ExportStatus.values
    }

    assert found == {status: [word] if status == word else [] for status in ExportStatus.values}
    assert export_status_of(order.pushes.all()) == word


def test_an_unknown_export_status_is_refused(api: Api):
    assert api.send("GET", "orders/?export_status=lost").json()["errors"][0]["code"] == "unknown_value"


def test_an_edit_while_the_payment_is_being_taken_is_refused(api: Api, order: Order):
    decisions.confirm(order_id=order.pk, by="ana", at=NOON.replace(year=2026))
    outbox.claim(at=NOON.replace(year=2030), limit=1)

    assert edit(api, order, note="x").json()["code"] == "transition_not_allowed"


def test_an_edit_after_the_confirmation_is_captured_and_sent_as_edited(api: Api, order: Order):
    store = FakeStore()
    store.stock_up(*order.lines.values_list("sku", flat=True))
    store.clock.at = order.placed_at
    decisions.confirm(order_id=order.pk, by="ana", at=order.placed_at)
    edit(api, order, note="Ring twice")
    store.clock.advance(3600)

    outbox.drain(at=store.clock.now(), world=make_world(store))

    assert [sent.customer_note for sent in store.sent.values()] == ["Ring twice"]


# --- an order that comes to nothing ---


def free() -> dict[str, Any]:
    """Everything at no price."""
    body = sample()
    lines = [{**line, "unit_price": "0.00", "taxes": []} for line in body["lines"]]
    shipping = {**body["shipping"], "amount": "0.00", "taxes": []}
    return {
        "lines": lines,
        "shipping": shipping,
        "subtotal": "0.00",
        "discount": "0.00",
        "tax": "0.00",
        "total": "0.00",
    }


def take_free_orders(api: Api, *, taken: bool = True) -> None:
    needs = Needs(value=not taken)
    requirements.save(merchant_id=api.merchant.pk, key=requirements.EVERY, needs=needs, by="ana", at=NOON)


def freed(api: Api, order: Order, *, taken: bool = True) -> FakeStore:
    """Confirmed, edited to nothing, and worked on."""
    take_free_orders(api, taken=taken)
    store = FakeStore()
    store.stock_up(*order.lines.values_list("sku", flat=True))
    store.clock.at = order.placed_at
    decisions.confirm(order_id=order.pk, by="ana", at=order.placed_at)
    assert edit(api, order, **free()).status_code == 200
    store.clock.advance(3600)
    work(store)
    order.refresh_from_db()
    return store


def work(store: FakeStore) -> None:
    outbox.drain(at=store.clock.now(), world=make_world(store))


def test_what_was_set_aside_for_an_order_of_nothing_is_released_and_the_order_goes_out(api: Api, order: Order):
    store = freed(api, order)

    assert (order.payment_status, order.pushes.get().status) == ("voided", "pushed")
    assert [there.total for there in store.orders.values()] == [0]
    assert order.events.get(kind="payment.voided").text.startswith("Nothing is to be paid any more. Authorization of ")
    charge = SandboxCharge.objects.get()
    assert (charge.state, charge.captured) == ("canceled", 0)


def test_a_lost_answer_about_the_release_is_asked_for_again(api: Api, order: Order):
    with patch.object(SandboxGateway, "void", side_effect=OutcomeUnknownError("lost")):
        store = freed(api, order)
    assert order.payment_status == "authorized"
    store.clock.advance(3600)

    work(store)

    order.refresh_from_db()
    assert (order.payment_status, len(store.orders)) == ("voided", 1)


def test_an_order_of_nothing_owes_nothing_and_can_be_sent_from_here(api: Api, order: Order):
    freed(api, order)

    open_units.refuse_closed(order)
    Order.objects.update(total=1, subtotal=1)
    order.refresh_from_db()
    with pytest.raises(TransitionNotAllowed):
        open_units.refuse_closed(order)


def test_once_released_an_order_cannot_cost_anything_again(api: Api, order: Order):
    freed(api, order)
    body = sample()

    response = edit(api, order, revision=2, **{name: body[name] for name in free() if name in body})

    assert [problem["code"] for problem in response.json()["errors"]] == ["more_than_authorized"]


def test_where_the_settings_ask_for_a_value_a_confirmed_order_of_nothing_is_held(api: Api, order: Order):
    store = freed(api, order, taken=False)

    assert [blocker.code for blocker in order.pushes.get().blocker_list] == ["zero_total"]
    assert (order.payment_status, order.headline, store.orders) == ("authorized", "blocked", {})
    take_free_orders(api)
    decisions.check_again(order_id=order.pk, by="ana", at=store.clock.now())
    work(store)
    order.refresh_from_db()
    assert (order.payment_status, len(store.orders)) == ("voided", 1)


def test_where_the_settings_ask_for_a_value_an_undecided_order_of_nothing_is_a_draft(api: Api, order: Order):
    take_free_orders(api, taken=False)

    body = edit(api, order, **free()).json()

    assert (body["status"], [blocker["code"] for blocker in body["blockers"]]) == ("draft", ["zero_total"])
