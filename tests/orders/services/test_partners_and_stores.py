"""Partners beside what else is done with stores: their own orders are read, settings hold, parts are exported again."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.models import Connection
from connectors.services import plans
from orders.enums import PushStatus, ReexportStatus
from orders.errors import ReexportRefused, TransitionNotAllowed
from orders.models import OrderPush, Payment, Reexport
from orders.services import by_hand, owed_back, reexports, store_orders
from tests.factories import NOON, make_connection
from tests.orders.services.partnered import Partnered, make_partnered

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair() -> Partnered:
    return make_partnered()


def sent(pair: Partnered, shipping: str = "3.50") -> OrderPush:
    order = pair.paid(("BOWL", 2, "30.00"), ("RUG", 1, "100.00"))
    Payment.objects.filter(order=order).update(captured=order.total)
    return pair.push(order, shipping)


@pytest.mark.parametrize("known_by", ["reference", "remote_id"])
def test_what_a_seller_pushed_does_not_come_in_as_an_order_of_the_partner_s_store(pair, known_by):
    push = sent(pair)
    told = {"reference": "", "remote_id": "-", known_by: getattr(push, known_by)}

    assert store_orders.is_ours(pair.store, **told)


def test_nor_through_another_connection_to_the_partner_s_shop(pair):
    Connection.objects.filter(pk=pair.store.pk).update(remote_id="kiln")
    push = sent(pair)

    for remote_id, ours in (("kiln", True), ("other", False)):
        other = make_connection(remote_id=remote_id, platform=pair.store.platform)
        assert store_orders.is_ours(other, remote_id=push.remote_id, reference="") is ours


def test_the_settings_of_a_row_do_not_change_what_was_agreed_with_the_partner(pair):
    pair.connection.sync_settings.push_by_hand = True
    pair.connection.sync_settings.save()

    push = sent(pair)

    assert (push.status, push.total, push.due_total, push.remote_total) == (
        PushStatus.PUSHED, Decimal("63.50"), None, Decimal("63.50"),
    )  # fmt: skip


def test_what_a_partner_is_paid_for_sending_is_not_the_customer_s(pair):
    push = sent(pair)
    [text] = push.order.events.filter(kind="push.equal", text__contains="63.50").values_list("text", flat=True)
    assert text.endswith("equal to what was sent.")

    pair.remote.change(push.remote_id, cancelled=True)
    pair.pull(push.order)

    assert owed_back.of(push.order) == owed_back.Owed(Decimal(60), owed_back.Why.CANCELLED)
    assert [owed.amount for _, owed in owed_back.listed(pair.seller)] == [60]


def test_a_partner_s_total_that_was_changed_is_not_called_the_customer_s(pair):
    push = sent(pair)

    pair.remote.change(push.remote_id, total=Decimal("33.50"))
    pair.pull(push.order)

    [text] = push.order.events.filter(kind="push.changed_in_store").values_list("text", flat=True)
    assert "It was sent as 63.50" in text
    assert owed_back.of(push.order).amount == 30


def test_what_a_partner_refused_is_not_pushed_as_a_merchant_s_own(pair):
    order = pair.paid(("BOWL", 2, "30.00"))
    pair.remote.next_fault = "rejected"
    push = pair.push(order, "3.50")
    assert (push.status, push.shipping_fee) == (PushStatus.HELD, Decimal("3.50"))

    with pytest.raises(TransitionNotAllowed, match="waits to be pushed"):
        by_hand.push_now(push_id=push.pk, by="ana", at=NOON)


def test_a_part_that_is_exported_again_costs_what_was_agreed_for_the_first(pair):
    push = sent(pair)
    pair.remote.change(push.remote_id, cancelled=True)

    row = reexports.ask(push_id=push.pk, by="ana", at=pair.world.now())
    pair.drain()
    row.refresh_from_db()
    reexports.choose(reexport_id=row.pk, way="clone", by="ana", at=pair.world.now())
    pair.drain()
    row.refresh_from_db()

    assert (row.status, row.reason) == (ReexportStatus.DONE, "")
    again = row.successor
    assert (again.status, again.shipping, again.total) == (PushStatus.WAITING, Decimal("3.50"), Decimal("63.50"))
    assert (again.shipping_fee, again.waits_for_mark) == (Decimal("3.50"), True)


def test_the_part_of_an_own_store_is_exported_again_beside_a_partner_s(pair):
    push = sent(pair)
    own = push.order.pushes.get(connection__source=None)
    pair.stores[own.connection_id].change(own.remote_id, cancelled=True)

    row = reexports.ask(push_id=own.pk, by="ana", at=pair.world.now())
    pair.drain()
    row.refresh_from_db()
    reexports.choose(reexport_id=row.pk, way="clone", by="ana", at=pair.world.now())
    pair.drain()
    row.refresh_from_db()

    assert (row.status, row.successor.status) == (ReexportStatus.DONE, PushStatus.PUSHED)
    assert row.successor.total == own.total


# --- exporting again while the add-on is off -------------------------------------------------------------


def addon(pair: Partnered, on: bool) -> None:
    plans.set_orders_addon(merchant_id=pair.seller.pk, on=on, by="ana", at=pair.world.now())


def planned(pair: Partnered) -> Reexport:
    """A part in the partner's store that was looked at for a re-export, and stands there."""
    row = reexports.ask(push_id=sent(pair).pk, by="ana", at=pair.world.now())
    pair.drain()
    row.refresh_from_db()
    pair.remote.calls.clear()
    return row


def test_without_the_add_on_nothing_is_set_to_re_export(pair):
    push = sent(pair)
    addon(pair, on=False)

    with pytest.raises(ReexportRefused, match="add-on is off"):
        reexports.ask(push_id=push.pk, by="ana", at=NOON)


def test_nor_is_a_way_chosen(pair):
    row = planned(pair)
    addon(pair, on=False)

    with pytest.raises(ReexportRefused, match="add-on is off"):
        reexports.choose(reexport_id=row.pk, way="recreate", by="ana", at=NOON)


def test_one_that_was_chosen_touches_nothing_until_the_add_on_is_on_again(pair):
    row = planned(pair)
    reexports.choose(reexport_id=row.pk, way="recreate", by="ana", at=NOON)
    addon(pair, on=False)
    pair.drain()

    row.refresh_from_db()
    assert (row.status, pair.remote.calls) == (ReexportStatus.RUNNING, [])
    assert "add-on is off" in row.reason

    addon(pair, on=True)
    pair.drain()
    row.refresh_from_db()
    assert (row.status, "cancel" in pair.remote.calls) == (ReexportStatus.DONE, True)


def test_one_that_waits_for_the_add_on_can_be_withdrawn(pair):
    row = planned(pair)
    reexports.choose(reexport_id=row.pk, way="recreate", by="ana", at=NOON)
    addon(pair, on=False)
    pair.drain()

    assert reexports.withdraw(reexport_id=row.pk, by="ana", at=NOON).status == ReexportStatus.WITHDRAWN
