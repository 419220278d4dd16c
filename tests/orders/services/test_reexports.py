"""Exporting once more: what is found there decides what is possible, and nothing is made before it is seen to be over."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from connectors import preflight
from connectors.errors import CredentialsError, RetryableError
from connectors.models import Connection, ShippingRule, TaxPreset
from orders.enums import PushStatus, ReexportStatus, Topic
from orders.errors import ReexportRefused, RoutingRefused
from orders.models import Order, OrderPush, OutboxMessage, Payment
from orders.services import decisions, order_edits, outbound, pushes, reexports, refunds, rerouting
from tests.factories import NOON, make_connection
from tests.orders.reexporting import FaultyStore, ask, choose, later, latest, make_exported, why
from tests.orders.services.pushed import Pushed
from tests.orders.services.refundable import wanted

pytestmark = pytest.mark.django_db


@pytest.fixture
def exported() -> Pushed:
    return make_exported()


def flag(pushed: Pushed, field: str, before: str, after: str) -> None:
    order_edits.flag(pushed.push, [order_edits.Change(field, before, after)], at=NOON)


def events(pushed: Pushed, kind: str) -> list[str]:
    return list(pushed.order.events.filter(kind=kind).values_list("text", flat=True))


# --- looking -------------------------------------------------------------------------------------


def test_asking_changes_nothing_there(exported: Pushed):
    row = ask(exported)

    assert row.status == ReexportStatus.READY
    assert row.found["state"] == "live"
    assert not {"create", "cancel", "update"} & set(exported.store.calls)


def test_a_live_copy_can_be_cancelled_and_created_anew_and_not_cloned(exported: Pushed):
    row = ask(exported)

    assert why(row, "recreate") == ""
    assert "#1001 still stands in Kauri Shopify" in why(row, "clone")
    assert "Nothing of the order was changed" in why(row, "update")


@pytest.mark.parametrize("how", ["cancelled", "deleted"])
def test_a_copy_that_is_over_can_only_be_cloned(exported: Pushed, how: str):
    if how == "cancelled":
        exported.store.change("fake-1001", cancelled=True)
    else:
        del exported.store.orders["fake-1001"]

    row = ask(exported)

    assert why(row, "clone") == ""
    assert why(row, "recreate")
    assert why(row, "update")


def test_a_copy_that_was_sent_refuses_every_way(exported: Pushed):
    exported.store.fulfill("fake-1001", {"A": 1})

    row = ask(exported)

    assert row.found["state"] == "sent"
    assert all("the customer would get it twice" in why(row, way) for way in ("update", "recreate", "clone"))


def test_a_copy_that_was_refunded_there_refuses_every_way(exported: Pushed):
    exported.store.refund("fake-1001", "5.00")

    row = ask(exported)

    assert all("gave money back for #1001" in why(row, way) for way in ("update", "recreate", "clone"))


@pytest.mark.plants("I1", "the store has a second copy")
def test_two_copies_refuse_every_way(exported: Pushed):
    exported.store.add(exported.store.sent["fake-1001"])

    row = ask(exported)

    assert all("#1001, #1002" in why(row, way) for way in ("update", "recreate", "clone"))


def test_what_the_store_would_refuse_closes_the_ways_that_create(exported: Pushed):
    del exported.store.variants["B"]

    row = ask(exported)

    assert "would refuse the new order" in why(row, "recreate")


def test_units_that_the_earlier_copy_holds_are_not_out_of_stock(exported: Pushed):
    exported.store.stock_up("A", stock=0)

    assert why(ask(exported), "recreate") == ""


def test_a_store_that_cannot_be_told_to_cancel_says_what_to_do():
    store = FaultyStore()
    store.capabilities = replace(store.capabilities, cancel=False)
    exported = make_exported(store=store)

    assert "Cancel #1001 in Kauri Shopify yourself, then look again." in why(ask(exported), "recreate")


def test_an_update_says_what_it_changes_and_what_it_leaves(exported: Pushed):
    flag(exported, "note", "", "Ring twice")
    flag(exported, "shipping_address", "12 Ponsonby Road", "1 Queen Street")

    row = ask(exported)

    option = next(way for way in row.ways if way["way"] == "update")
    assert (option["possible"], option["fields"], option["left"]) == (True, ["note"], ["shipping_address"])


def test_without_a_readable_destination_it_is_refused_at_once(exported: Pushed):
    Connection.objects.update(state="auth_lost")

    with pytest.raises(ReexportRefused, match="cannot be read now"):
        reexports.ask(push_id=exported.push.pk, by="ana", at=NOON)


def test_a_token_that_dies_while_looking_refuses_it(exported: Pushed, monkeypatch):
    def dead(remote_id):
        raise CredentialsError("The store no longer accepts our token.")

    monkeypatch.setattr(exported.store, "read", dead)

    row = ask(exported)

    assert (row.status, row.reason) == (ReexportStatus.REFUSED, "The store no longer accepts our token.")
    assert events(exported, "reexport.refused")


@pytest.mark.parametrize(
    ("status", "words"), [("cancelled", "The order is cancelled"), ("completed", "The order is completed")]
)
def test_an_order_that_is_over_is_not_exported_again(exported: Pushed, status: str, words: str):
    Order.objects.update(status=status, completed_at=NOON if status == "completed" else None)

    with pytest.raises(ReexportRefused, match=words):
        reexports.ask(push_id=exported.push.pk, by="ana", at=NOON)


def test_a_push_that_is_not_there_is_not_exported_again(exported: Pushed):
    OrderPush.objects.update(status="queued", remote_id="", pushed_at=None)

    with pytest.raises(ReexportRefused, match="nothing to export again"):
        reexports.ask(push_id=exported.push.pk, by="ana", at=NOON)


def test_it_is_set_once_at_a_time(exported: Pushed):
    ask(exported)

    with pytest.raises(ReexportRefused, match="set to re-export already"):
        reexports.ask(push_id=exported.push.pk, by="ben", at=NOON)


# --- carrying out --------------------------------------------------------------------------------


def test_recreating_cancels_there_and_makes_a_new_generation_with_a_new_reference(exported: Pushed):
    row = choose(exported, ask(exported), "recreate")

    new = latest(exported)
    assert (row.status, row.successor, new.generation) == (ReexportStatus.DONE, new, 2)
    assert [(order.reference == new.reference, order.cancelled) for order in exported.store.orders.values()] == [
        (False, True),
        (True, False),
    ]
    assert (new.status, new.remote_name, new.total) == (PushStatus.PUSHED, "#1002", exported.order.total)
    exported.push.refresh_from_db()
    assert (exported.push.status, exported.push.remote_cancelled) == (PushStatus.CANCELLED, True)
    assert events(exported, "reexport.done") == [
        f"#1001 is cancelled in Kauri Shopify, or gone. A new order {new.reference} goes to Kauri Shopify."
    ]


def test_the_new_copy_is_on_the_terms_of_the_settings_as_the_earlier_one_was():
    """Wholesale, without tax: 100.00, shipping by the rules 12.00, and 15 % on both."""
    connection = make_connection(name="Kauri Shopify", created_at=NOON)
    ShippingRule.objects.create(connection=connection, minimum=0, cost=Decimal("12.00"))
    TaxPreset.objects.create(connection=connection, country_code="NZ", name="GST", rate="0.15", on_shipping=True)
    wholesale = {"attributes": {"payment_terms": "Net 30"}, "prices_include_tax": False, "tax": Decimal(0)}
    lines = [{"sku": "A", "unit_price": "100.00"}]
    pushed = make_exported(store=Adding(), connection=connection, lines=lines, total=Decimal("100.00"), **wholesale)
    assert pushed.remote.total == Decimal("128.80")

    row = ask(pushed)
    assert why(row, "recreate") == ""
    choose(pushed, row, "recreate")

    new = latest(pushed)
    assert (new.status, new.total, new.due_total, new.remote_total) == (
        PushStatus.PUSHED,
        Decimal("100.00"),
        Decimal("128.80"),
        Decimal("128.80"),
    )


class Adding(FaultyStore):
    """It refuses what its parts do not add up to."""

    def preflight(self, order, variants):
        taxes = [tax for line in order.lines for tax in line.taxes] + list(order.shipping_taxes)
        lines = sum(line.unit_price * line.quantity for line in order.lines)
        would = lines - order.discount + order.shipping + sum(tax.amount for tax in taxes)
        return tuple(preflight.equal_total(order, would, holder="The store would hold", fix="Correct it."))


def test_a_re_export_takes_no_money(exported: Pushed):
    choose(exported, ask(exported), "recreate")

    assert not OutboxMessage.objects.filter(topic=Topic.CAPTURE_PAYMENT).exists()
    assert Payment.objects.get().captured == exported.order.total


def test_the_order_shows_the_new_generation_alone(exported: Pushed):
    choose(exported, ask(exported), "recreate")

    exported.order.refresh_from_db()
    assert exported.order.headline == "awaiting_fulfillment"


def test_nothing_is_created_while_the_store_only_says_that_it_cancelled(exported: Pushed):
    exported.store.faults["cancel"] = ["slow"]

    row = choose(exported, ask(exported), "recreate")

    assert (row.status, "create" in exported.store.calls) == (ReexportStatus.RUNNING, False)
    later(exported, 60)
    assert latest(exported).remote_name == "#1002"
    assert len(exported.store.standing()) == 1


@pytest.mark.parametrize("fault", ["lost", "late", "never", "down"])
def test_whatever_becomes_of_the_cancellation_there_is_one_copy_in_the_end(exported: Pushed, fault: str):
    exported.store.faults["cancel"] = [fault]

    choose(exported, ask(exported), "recreate")
    later(exported, 60)

    assert [order.reference for order in exported.store.standing()] == [latest(exported).reference]


def test_an_answer_that_is_lost_while_creating_is_looked_for(exported: Pushed):
    exported.store.faults["create"] = ["lost"]

    choose(exported, ask(exported), "recreate")
    later(exported, 400)

    assert latest(exported).adopted
    assert len(exported.store.standing()) == 1


def test_a_store_that_refuses_to_cancel_ends_it_and_changes_nothing(exported: Pushed):
    exported.store.faults["cancel"] = ["no"]

    row = choose(exported, ask(exported), "recreate")

    assert (row.status, row.reason) == (ReexportStatus.REFUSED, "The store does not cancel this order.")
    assert OrderPush.objects.get().status == PushStatus.PUSHED


def test_sent_between_looking_and_choosing_it_is_refused(exported: Pushed):
    row = ask(exported)
    exported.store.fulfill("fake-1001")

    row = choose(exported, row, "recreate")

    assert row.status == ReexportStatus.REFUSED
    assert "cancel" not in exported.store.calls


def test_a_copy_that_comes_back_to_life_is_seen_before_the_new_one_is_sent(exported: Pushed):
    exported.store.change("fake-1001", cancelled=True)
    exported.store.faults["create"] = ["down"]
    choose(exported, ask(exported), "clone")
    exported.store.change("fake-1001", cancelled=False)

    later(exported, 400)

    assert latest(exported).status == PushStatus.HELD
    assert latest(exported).blocker_list[0].code == "already_at_destination"


def test_the_sweep_leaves_a_cancellation_that_is_our_own_alone(exported: Pushed):
    row = ask(exported)
    reexports.choose(reexport_id=row.pk, way="recreate", by="ana", at=NOON)
    exported.store.change("fake-1001", cancelled=True)

    exported.pull()

    assert exported.push.status == PushStatus.PUSHED
    assert exported.promised(Topic.TELL_MERCHANT) == []


def test_an_order_that_is_called_off_meanwhile_gets_no_new_copy(exported: Pushed):
    row = ask(exported)
    reexports.choose(reexport_id=row.pk, way="recreate", by="ana", at=NOON)

    decisions.cancel(order_id=exported.order.pk, reason="Changed her mind.", by="ana", at=NOON)
    exported.drain()

    row.refresh_from_db()
    assert row.status == ReexportStatus.WITHDRAWN
    assert exported.store.standing() == []
    assert OrderPush.objects.count() == 1


def test_a_closed_way_cannot_be_chosen(exported: Pushed):
    row = ask(exported)

    with pytest.raises(ReexportRefused, match="still stands"):
        reexports.choose(reexport_id=row.pk, way="clone", by="ana", at=NOON)


def test_it_can_be_withdrawn_until_it_is_begun(exported: Pushed):
    row = ask(exported)
    reexports.choose(reexport_id=row.pk, way="recreate", by="ana", at=NOON)

    reexports.withdraw(reexport_id=row.pk, by="ana", at=NOON)
    exported.drain()

    assert "cancel" not in exported.store.calls


def test_it_cannot_be_withdrawn_once_the_store_may_have_cancelled(exported: Pushed):
    exported.store.faults["cancel"] = ["lost"]
    row = choose(exported, ask(exported), "recreate")

    with pytest.raises(ReexportRefused, match="cannot be withdrawn any more"):
        reexports.withdraw(reexport_id=row.pk, by="ana", at=NOON)


def test_looking_again_sees_what_changed(exported: Pushed):
    row = ask(exported)
    exported.store.change("fake-1001", cancelled=True)

    reexports.look_again(reexport_id=row.pk, by="ana", at=exported.store.clock.now())
    exported.drain()

    row.refresh_from_db()
    assert (row.status, why(row, "clone")) == (ReexportStatus.READY, "")


def test_an_update_changes_the_standing_copy_and_clears_what_it_changed(exported: Pushed):
    flag(exported, "note", "", "Ring twice")
    flag(exported, "lines", "2", "1")

    row = choose(exported, ask(exported), "update")

    assert row.status == ReexportStatus.DONE
    assert [(remote_id, fields) for remote_id, fields, _ in exported.store.updated] == [
        ("fake-1001", frozenset({"note"}))
    ]
    exported.push.refresh_from_db()
    assert [change["field"] for change in exported.push.changes] == ["lines"]


def test_an_edit_during_an_update_stays_flagged_and_is_sent_by_the_repeat(exported: Pushed, monkeypatch):
    flag(exported, "note", "", "Ring twice")
    update = exported.store.update

    def edited_meanwhile(*args, **kwargs):
        update(*args, **kwargs)
        monkeypatch.undo()
        Order.objects.update(revision=2, customer_note="Ring thrice")

    monkeypatch.setattr(exported.store, "update", edited_meanwhile)
    choose(exported, ask(exported), "update")
    exported.push.refresh_from_db()
    assert exported.push.changes

    later(exported, exported.store.horizon_s + 1)

    assert exported.store.updated[-1][2].customer_note == "Ring thrice"
    assert OrderPush.objects.get().changes == []


@pytest.mark.plants("I1", "a second copy")
def test_what_is_read_of_an_order_whose_copy_took_its_place_is_not_written_down(exported: Pushed, monkeypatch):
    flag(exported, "note", "", "Ring twice")
    update = exported.store.update

    def replaced_meanwhile(remote_id, *args, **kwargs):
        update(remote_id, *args, **kwargs)
        exported.store.change(remote_id, cancelled=True, refunded=Decimal(5))
        other = exported.store.add(outbound.build(exported.push))
        OrderPush.objects.update(remote_id=other.remote_id, remote_name=other.name)

    monkeypatch.setattr(exported.store, "update", replaced_meanwhile)
    row = choose(exported, ask(exported), "update")

    push = OrderPush.objects.get()
    assert (row.status, row.reason) == (ReexportStatus.RUNNING, "Another order took the place of #1001 there.")
    assert (push.remote_refunded, len(push.changes)) == (0, 1)


# --- the money -----------------------------------------------------------------------------------


@pytest.mark.plants("I4", "a refund without its promise")
def test_a_part_refund_that_the_order_does_not_follow_is_a_total_mismatch(exported: Pushed):
    exported.order.refunds.create(
        currency="NZD", amount=Decimal("5.00"), computed=0, reason="goodwill", requested_by="ana", requested_at=NOON
    )

    row = ask(exported)

    assert "would come to 45.00 NZD; the customer paid 40.00 NZD" in why(row, "recreate")


def test_a_line_that_was_given_back_whole_is_left_out(exported: Pushed):
    refunds.issue(order_id=exported.order.pk, wanted=wanted({"2": 1}), by="ana", at=NOON)

    row = choose(exported, ask(exported), "recreate")

    assert row.status == ReexportStatus.DONE
    new = latest(exported)
    assert [line.line.sku for line in new.push_lines.all()] == ["A"]
    assert new.total == exported.order.total - 15


@pytest.mark.plants("I4", "a refund without its promise")
def test_money_that_moves_after_the_cancellation_holds_the_order_for_a_person(exported: Pushed):
    exported.store.faults["cancel"] = ["slow"]
    row = choose(exported, ask(exported), "recreate")
    exported.order.refunds.create(
        currency="NZD", amount=Decimal("5.00"), computed=0, reason="goodwill", requested_by="ana", requested_at=NOON
    )

    later(exported, 60)

    row.refresh_from_db()
    push = OrderPush.objects.get()
    assert (row.status, push.status, push.remote_cancelled) == (ReexportStatus.REFUSED, PushStatus.HELD, True)
    assert push.blocker_list[0].code == "total_mismatch"


# --- what else meets a new generation --------------------------------------------------------------


def test_lines_that_were_exported_twice_are_not_moved(exported: Pushed):
    other = make_connection(exported.order.merchant, name="Rimu")
    choose(exported, ask(exported), "recreate")
    line = exported.order.lines.first()

    with pytest.raises(RoutingRefused):
        rerouting.move(order_id=exported.order.pk, moves=[rerouting.Move(line.pk, other.pk)], by="ana", at=NOON)


def test_a_new_generation_that_is_kept_out_stays_out(exported: Pushed):
    del exported.store.orders["fake-1001"]
    exported.store.faults["create"] = ["down"]
    row = ask(exported)
    choose(exported, row, "clone")
    OrderPush.objects.filter(generation=2).update(status="held", reason="x")

    pushes.skip(push_id=latest(exported).pk, by="ana", at=NOON)
    later(exported, 400)

    assert exported.store.standing() == []


def test_what_was_sent_from_here_is_not_exported_again(exported: Pushed):
    sent = exported.order.fulfillments.create(status="success", shipped_at=NOON, created_at=NOON)
    sent.lines.create(line=exported.order.lines.first(), quantity=1)

    with pytest.raises(ReexportRefused, match="the customer would get it twice"):
        reexports.ask(push_id=exported.push.pk, by="ana", at=NOON)


def test_a_re_export_that_ends_after_the_cancellation_has_the_truth_read(exported: Pushed):
    exported.store.faults["cancel"] = ["lost"]
    row = choose(exported, ask(exported), "recreate")
    exported.pull()  # a webhook tells of the cancellation, which is left to the re-export
    OutboxMessage.objects.filter(topic=Topic.REEXPORT).update(first_failed_at=NOON.replace(year=2020))
    exported.store.read, read = _down, exported.store.read
    later(exported, 60)
    exported.store.read = read

    later(exported, 8 * 3600)

    row.refresh_from_db()
    push = OrderPush.objects.get()
    assert (row.status, push.status, push.remote_cancelled) == (ReexportStatus.REFUSED, PushStatus.HELD, True)


def _down(remote_id: str):
    raise RetryableError("The store cannot be reached.")
