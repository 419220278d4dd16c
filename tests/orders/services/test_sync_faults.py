"""One mail per cause: when it begins, once a day while it lasts, and when it is repaired."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.db import transaction

from accounts.models import Merchant, Role
from connectors.base import Blocker, BlockerCode
from connectors.models import Connection, SyncSettings
from connectors.services import connections
from orders import alarms, outbox
from orders.enums import Topic
from orders.models import Lane, OrderPush, OutboxMessage, SyncFault
from orders.services import clock, preflight, sync_faults
from tests.factories import NOON, make_blocked, make_connection, make_member, make_order
from tests.fakes import FakeStore, make_world

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
SOON = timedelta(minutes=3)


@pytest.fixture
def store(merchant: Merchant) -> Connection:
    make_member(merchant, Role.OWNER, email="ana@kauri.example")
    return make_connection(merchant, name="Kauri Shopify")


def send_mails(at) -> list[mail.EmailMultiAlternatives]:
    """What was sent since the last time."""
    mail.outbox.clear()
    for message in OutboxMessage.objects.filter(topic=Topic.TELL_MERCHANT, status="waiting", next_attempt_at__lte=at):
        claimed = next(m for m in outbox.claim(at=at) if m.pk == message.pk)
        fake = FakeStore()
        fake.clock.at = at
        outbox.carry_out(claimed, make_world(fake))
    return mail.outbox


def hold(push: OrderPush, code: str, value: str = "", message: str = "It does not go.") -> None:
    blocker = Blocker(BlockerCode(code), message, value=value)
    with transaction.atomic():
        OrderPush.objects.filter(pk=push.pk).update(
            status="held", wait_for="", reason=message, blockers=[blocker.as_json()]
        )
        sync_faults.report(push, [blocker], at=NOON)


def pushes_of(store: Connection, count: int) -> list[OrderPush]:
    orders = [make_order(store.merchant, connections=[store], lines=[{"sku": "STOOL"}]) for _ in range(count)]
    return [order.pushes.get() for order in orders]


def test_many_orders_with_one_unlinked_sku_are_one_mail_with_count_money_and_the_one_repair(store: Connection):
    for _ in range(7):
        make_blocked(store, "STOOL")

    (told,) = send_mails(NOON + SOON)

    assert told.subject.startswith("7 orders not in Kauri Shopify: ")
    assert "No product with SKU STOOL." in told.body
    assert f"/links/{store.public_id}/?sku=STOOL" in told.body
    assert "and 2 more" in told.body
    assert told.to == ["ana@kauri.example"]


def test_the_money_is_that_of_all_orders(store: Connection):
    for _ in range(3):
        make_blocked(store, "STOOL")

    (told,) = send_mails(NOON + SOON)

    assert "45.00" in told.subject


def test_two_unlinked_skus_are_two_causes(store: Connection):
    make_blocked(store, "STOOL")
    make_blocked(store, "VASE")

    assert SyncFault.objects.count() == 2


def test_one_code_without_a_repair_of_its_own_is_one_cause(store: Connection):
    for number, push in enumerate(pushes_of(store, 3)):
        hold(push, "province_unknown", value=f"X{number}")

    (told,) = send_mails(NOON + SOON)

    assert told.subject.startswith("3 orders")
    assert f"/orders/?tab=attention&destination={store.public_id}" in told.body


def test_a_single_order_is_opened_directly(store: Connection):
    (push,) = pushes_of(store, 1)
    hold(push, "province_unknown")

    (told,) = send_mails(NOON + SOON)

    assert f"/orders/{push.order.public_id}/" in told.body
    assert "One cause keeps them all" not in told.body


def test_what_is_mended_before_the_mail_is_not_told(store: Connection):
    order = make_blocked(store, "STOOL")
    push = order.pushes.get()

    with transaction.atomic():
        preflight.write_down(preflight.Finding(push.pk, ()), at=NOON)
    OutboxMessage.objects.filter(topic=Topic.CHECK_ORDER).delete()

    assert send_mails(NOON + SOON) == []


def test_while_it_lasts_it_is_told_once_a_day(store: Connection):
    make_blocked(store, "STOOL")
    send_mails(NOON + SOON)

    clock.tick(at=NOON + timedelta(hours=23))
    assert send_mails(NOON + timedelta(hours=23)) == []
    for _ in range(2):
        clock.tick(at=NOON + DAY)

    (told,) = send_mails(NOON + DAY)
    assert told.subject.startswith("1 order still not in Kauri Shopify")


def test_when_it_is_repaired_that_is_told_once(store: Connection):
    order = make_blocked(store, "STOOL")
    send_mails(NOON + SOON)
    with transaction.atomic():
        preflight.write_down(preflight.Finding(order.pushes.get().pk, ()), at=NOON)
    OutboxMessage.objects.filter(topic=Topic.CHECK_ORDER).delete()

    for _ in range(2):
        clock.tick(at=NOON + timedelta(hours=1))

    (told,) = send_mails(NOON + timedelta(hours=1))
    assert told.subject == "Repaired: orders go to Kauri Shopify again"
    assert "This kept 1 order from" in told.body


def test_a_cause_that_comes_back_at_once_is_not_told_anew(store: Connection):
    (push,) = pushes_of(store, 1)
    hold(push, "province_unknown")
    SyncFault.objects.update(repaired_at=NOON)

    hold(push, "province_unknown")

    assert SyncFault.objects.get().repaired_at is None
    assert OutboxMessage.objects.filter(topic=Topic.TELL_MERCHANT).count() == 1


def test_a_cause_that_comes_back_later_is_a_new_one(store: Connection):
    (push,) = pushes_of(store, 1)
    hold(push, "province_unknown")
    SyncFault.objects.update(repaired_at=NOON - timedelta(hours=2))

    hold(push, "province_unknown")

    assert SyncFault.objects.count() == 2


def test_a_dead_token_is_told_by_one_mail_with_count_and_money_and_again_when_it_works(store: Connection):
    for push in pushes_of(store, 5):
        hold(push, "credentials_expired", message="The token is dead.")
        OutboxMessage.objects.create(
            topic="check_order", order=push.order, push=push, key=f"check:{push.pk}", status="waiting",
            lane=Lane.objects.get_or_create(connection=store)[0], wait_for=f"token:{store.pk}",
            next_attempt_at=NOON, created_at=NOON,
        )  # fmt: skip
    alarms.auth_lost(store, reason="The token is dead.", at=NOON)

    (told,) = send_mails(NOON + SOON)
    assert "5 orders wait for it (75.00 NZD)" in told.body
    clock.tick(at=NOON + DAY)
    (digest,) = send_mails(NOON + DAY)
    assert digest.subject.startswith("5 orders still not in Kauri Shopify")
    assert f"/connections/{store.public_id}/" in digest.body

    for push in OrderPush.objects.all():
        OrderPush.objects.filter(pk=push.pk).update(
            status="pushed", blockers=[], remote_id=str(push.pk), pushed_at=NOON, reason=""
        )
    clock.tick(at=NOON + DAY)
    assert [message.subject for message in send_mails(NOON + DAY)] == ["Repaired: orders go to Kauri Shopify again"]


def test_orders_that_wait_without_a_blocker_are_counted(store: Connection):
    (push,) = pushes_of(store, 1)
    hold(push, "out_of_stock", value="STOOL")
    OrderPush.objects.update(status="waiting", wait_for=f"stock:{store.pk}:STOOL", blockers=[])

    assert sync_faults.kept_by(SyncFault.objects.get()).count() == 1


def test_an_order_that_was_called_off_is_kept_by_nothing(store: Connection):
    (push,) = pushes_of(store, 1)
    hold(push, "province_unknown")
    type(push.order).objects.update(status="cancelled", decided_at=NOON, decided_by="ana")

    assert not sync_faults.kept_by(SyncFault.objects.get()).exists()


def test_a_disconnected_store_says_so_in_one_mail(store: Connection):
    connections.disconnect(connection_id=store.pk, by="ana", at=NOON)
    for push in pushes_of(store, 2):
        hold(push, "sync_turned_off", message="Kauri Shopify was disconnected.")

    assert len(send_mails(NOON + SOON)) == 1


def test_the_addresses_of_the_connection_are_told_before_those_of_the_merchant(store: Connection):
    Merchant.objects.filter(pk=store.merchant_id).update(alert_addresses=["all@kauri.example"])
    SyncSettings.objects.filter(connection=store).update(alert_addresses=["sales@kauri.example"])
    make_blocked(store, "STOOL")

    (told,) = send_mails(NOON + SOON)

    assert told.to == ["sales@kauri.example"]


def fail_since(push: OrderPush, minutes: int, *, topic: Topic = Topic.PUSH_ORDER, **fields) -> OutboxMessage:
    """A promise that has failed again and again for so long."""
    given = {"status": "waiting", "reason": "The store did not answer in time.", "tries": 4, **fields}
    OrderPush.objects.filter(pk=push.pk).update(status="queued", wait_for="")
    return OutboxMessage.objects.create(
        topic=topic, order=push.order, push=push, key=f"{topic}:{push.pk}", next_attempt_at=NOON + DAY,
        lane=Lane.objects.get_or_create(connection=push.connection)[0], created_at=NOON - DAY,
        first_failed_at=NOON - timedelta(minutes=minutes), **given,
    )  # fmt: skip


def tick(at=NOON) -> None:
    OutboxMessage.objects.filter(topic=Topic.CHECK_ORDER, first_failed_at=None).delete()
    clock.tick(at=at)


def test_a_store_that_fails_for_a_quarter_of_an_hour_is_told_in_one_mail(store: Connection):
    for push in pushes_of(store, 3):
        fail_since(push, 16)

    for _ in range(2):
        tick()

    (told,) = send_mails(NOON + SOON)
    assert told.subject.startswith("3 orders not in Kauri Shopify: ")
    assert "did not answer in time" in told.body
    assert f"/connections/{store.public_id}/" in told.body


@pytest.mark.parametrize(
    ("minutes", "fields"), [(14, {}), (600, {"wait_for": "token:1"}), (600, {"status": "done", "done_at": NOON})]
)
def test_what_fails_shorter_or_waits_for_something_else_is_not_told_so(store: Connection, minutes: int, fields: dict):
    (push,) = pushes_of(store, 1)
    fail_since(push, minutes, **fields)

    tick()

    assert not SyncFault.objects.exists()


def test_a_question_that_fails_is_told_too(store: Connection):
    (push,) = pushes_of(store, 1)
    OutboxMessage.objects.all().delete()
    fail_since(push, 16, topic=Topic.CHECK_ORDER)

    tick()

    assert SyncFault.objects.get().value == sync_faults.FAILING


def test_when_the_store_takes_them_again_that_is_told(store: Connection):
    failing = [fail_since(push, 16) for push in pushes_of(store, 2)]
    tick()
    send_mails(NOON + SOON)

    first, second = failing
    OutboxMessage.objects.filter(pk=first.pk).update(status="done", done_at=NOON)
    tick(NOON + SOON)
    assert SyncFault.objects.open().count() == 1
    OutboxMessage.objects.filter(pk=second.pk).update(status="done", done_at=NOON)
    tick(NOON + SOON)

    (told,) = send_mails(NOON + SOON)
    assert told.subject == "Repaired: orders go to Kauri Shopify again"


def test_orders_that_were_given_up_are_not_told_as_repaired(store: Connection):
    (push,) = pushes_of(store, 1)
    message = fail_since(push, 16)
    tick()

    OutboxMessage.objects.filter(pk=message.pk).update(status="held")
    tick(NOON + SOON)

    assert SyncFault.objects.open().count() == 1
