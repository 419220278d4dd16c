"""What a merchant asks of its orders, per channel, and how a change reaches those that wait."""

from __future__ import annotations

import pytest

from accounts.models import AuditEvent, Merchant
from accounts.services import merchants
from orders import outbox
from orders.enums import OrderStatus, PushStatus
from orders.errors import OrderError
from orders.models import Channel, Order, OutboxMessage
from orders.services import intake, intake_body, requirements
from orders.services.readiness import Needs
from orders.services.requirements import EVERY
from tests.factories import NOON, make_channel, make_connection, make_marketplace, make_order
from tests.fakes import FakeStore, make_world
from tests.orders.api.client import sample
from tests.orders.drafts import BY, fields, make_draft

pytestmark = pytest.mark.django_db


@pytest.fixture
def channel(merchant: Merchant) -> Channel:
    return make_channel(make_marketplace(name="ArchiPro", slug="archipro", merchants=[merchant]))


def save(merchant: Merchant, key: str = EVERY, **needs: bool) -> None:
    requirements.save(merchant_id=merchant.pk, key=key, needs=Needs(**needs), **BY)


def work() -> None:
    outbox.drain(at=NOON, world=make_world(FakeStore()))


def place(merchant: Merchant, channel: Channel, more: dict[str, object] | None = None) -> Order:
    body = sample() | (more or {}) | {"merchant": merchant.slug}
    new = intake_body.read(body, at=NOON)
    return intake.place(channel=channel, merchant=merchant, new=new, by="ArchiPro", at=NOON)[0]


def test_without_a_row_name_and_address_are_asked(merchant: Merchant, channel: Channel):
    assert requirements.needs_of(merchant, channel) == Needs()
    assert Needs() == Needs(address=True, link=False, invoice=False, customs=False)


def test_a_channels_own_row_wins_over_the_one_for_all(merchant: Merchant, channel: Channel):
    save(merchant, invoice=True)
    save(merchant, "archipro", customs=True)

    assert requirements.needs_of(merchant, channel) == Needs(customs=True)
    assert requirements.needs_of(merchant, make_channel()) == Needs(invoice=True)


def test_another_merchants_row_does_not_count(merchant: Merchant, channel: Channel):
    save(make_order().merchant, invoice=True)

    assert requirements.needs_of(merchant, channel) == Needs()


def test_what_counts_is_listed_for_each_channel(merchant: Merchant, channel: Channel):
    Channel.objects.create(connection=make_connection(merchant, name="Kauri"), name="Kauri")
    save(merchant, invoice=True)
    save(merchant, "archipro", link=True)

    listed = requirements.listed(merchant)

    assert [(one.name, one.is_own, one.needs.invoice, one.needs.link) for one in listed] == [
        ("Every channel", True, True, False), ("ArchiPro", True, False, True), ("Kauri", False, True, False),
    ]  # fmt: skip


@pytest.mark.parametrize("stores", [1, 3])
def test_the_list_asks_the_same_number_of_questions(merchant: Merchant, stores: int, django_assert_num_queries):
    for number in range(stores):
        Channel.objects.create(connection=make_connection(merchant), name=f"Store {number}")

    with django_assert_num_queries(3):
        assert len(requirements.listed(merchant)) == stores + 1


def test_a_channel_of_another_merchant_is_refused(merchant: Merchant):
    make_channel(make_marketplace(slug="other"))

    with pytest.raises(OrderError, match="no such channel"):
        save(merchant, "other", invoice=True)


def test_a_change_is_in_the_trail_with_before_and_after(merchant: Merchant):
    save(merchant, invoice=True)
    save(merchant, invoice=True)

    event = AuditEvent.objects.get()
    assert (event.kind, event.by, event.data["before"], event.data["after"]["invoice"]) == (
        "requirements.saved", "ana@kauri.example", None, True,
    )  # fmt: skip


def test_an_order_that_waits_becomes_a_draft_when_more_is_asked(merchant: Merchant):
    order = make_order(merchant, connections=[make_connection(merchant)])

    save(merchant, invoice=True)
    work()

    order.refresh_from_db()
    assert (order.status, order.headline, fields(order)) == (OrderStatus.DRAFT, "draft", ["invoice_number"])
    assert order.events.get(kind="order.draft").text.startswith("Back to the drafts: The invoice is missing.")


def test_a_draft_goes_on_when_less_is_asked(merchant: Merchant):
    order = make_draft(merchant, address={"city": ""})

    save(merchant, address=False)
    work()

    order.refresh_from_db()
    assert order.status == OrderStatus.PENDING


def test_a_merchant_that_moves_abroad_has_its_orders_looked_at_again(merchant: Merchant):
    save(merchant, customs=True)
    order = make_order(merchant)

    merchants.save(merchant_id=merchant.pk, country_code="US", **BY)
    work()

    order.refresh_from_db()
    assert order.status == OrderStatus.DRAFT


def test_another_change_of_the_merchant_looks_at_nothing(merchant: Merchant):
    make_order(merchant)

    merchants.save(merchant_id=merchant.pk, name="Kauri", **BY)

    assert not OutboxMessage.objects.exists()


def test_a_change_accepts_no_order_that_waited_for_a_person(merchant: Merchant):
    Merchant.objects.update(auto_accept=True)
    with_store, without = make_order(merchant, connections=[make_connection(merchant)]), make_order(merchant)
    with_store.pushes.update(checked_at=NOON)

    save(merchant, customs=True)
    work()

    assert set(Order.objects.values_list("status", flat=True)) == {OrderStatus.PENDING}
    assert without.messages.get().status == "done"


def test_orders_of_other_channels_and_merchants_are_left_alone(merchant: Merchant, channel: Channel):
    mine, other, strange = make_order(merchant, channel=channel), make_order(merchant), make_order()

    save(merchant, "archipro", invoice=True)

    assert set(OutboxMessage.objects.values_list("order", flat=True)) == {mine.pk}
    assert {other.pk, strange.pk}.isdisjoint(OutboxMessage.objects.values_list("order", flat=True))


def test_a_decided_order_is_not_looked_at_again(merchant: Merchant):
    make_order(merchant, status=OrderStatus.CONFIRMED)

    save(merchant, invoice=True)

    assert not OutboxMessage.objects.exists()


def test_many_orders_are_promised_in_few_statements(merchant: Merchant, django_assert_max_num_queries):
    for _ in range(12):
        make_order(merchant)

    with django_assert_max_num_queries(20):
        save(merchant, invoice=True)

    assert OutboxMessage.objects.count() == 12


def test_a_channel_goes_by_the_common_row_again(merchant: Merchant, channel: Channel):
    save(merchant, "archipro", invoice=True)

    requirements.follow_every(merchant_id=merchant.pk, key="archipro", **BY)

    assert requirements.needs_of(merchant, channel) == Needs()
    assert AuditEvent.objects.filter(kind="requirements.removed").count() == 1


def test_the_common_row_stays(merchant: Merchant):
    with pytest.raises(OrderError, match="cannot be taken away"):
        requirements.follow_every(merchant_id=merchant.pk, key=EVERY, **BY)


# --- at the door ---------------------------------------------------------------------------------------


def test_an_order_arrives_as_a_draft_when_its_invoice_is_asked_for(merchant: Merchant, channel: Channel):
    save(merchant, invoice=True)

    order = place(merchant, channel)

    assert (order.status, [blocker["code"] for blocker in order.blockers]) == ("draft", ["invoice_missing"])


def test_an_order_that_brings_what_is_asked_goes_on(merchant: Merchant, channel: Channel):
    Merchant.objects.filter(pk=merchant.pk).update(country_code="US")
    merchant.refresh_from_db()
    save(merchant, invoice=True, customs=True)
    body = sample() | {"invoice_number": "INV-1", "invoice_key": "K"}
    customs = {"hs_code": "9403.60", "origin_country": "NZ", "customs_value": "10.00"}
    body["lines"] = [line | customs for line in body["lines"]]

    order = place(merchant, channel, body)

    line = order.lines.order_by("position")[0]
    assert (order.status, order.invoice_number, order.invoice_key) == ("pending", "INV-1", "K")
    assert (line.hs_code, line.origin_country, str(line.customs_value)) == ("940360", "NZ", "10.0000")


def test_customs_data_are_asked_of_an_order_that_leaves_the_country(merchant: Merchant, channel: Channel):
    Merchant.objects.filter(pk=merchant.pk).update(country_code="US")
    merchant.refresh_from_db()
    save(merchant, customs=True)

    order = place(merchant, channel)

    assert {blocker["code"] for blocker in order.blockers} == {"customs_missing"}


def test_an_unlinked_order_is_looked_for_in_the_store_as_soon_as_it_arrives(merchant: Merchant, channel: Channel):
    make_connection(merchant)
    save(merchant, link=True)
    shop = FakeStore()
    order = place(merchant, channel)
    assert order.status == OrderStatus.DRAFT
    shop.stock_up(*order.lines.values_list("sku", flat=True))

    outbox.drain(at=NOON, world=make_world(shop))

    order.refresh_from_db()
    assert order.status == OrderStatus.PENDING
    assert order.pushes.get().status == PushStatus.WAITING


def test_an_order_costs_one_question_more_than_before(merchant: Merchant, channel: Channel, django_assert_num_queries):
    new = intake_body.read(sample() | {"merchant": merchant.slug}, at=NOON)

    with django_assert_num_queries(1):
        intake.gaps_of(channel, merchant, new)
