"""The Order Manager's pages, as each role and stranger sees them."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from accounts.models import Merchant, Role, User
from connectors.conditions import captured
from orders import outbox, queries
from orders.enums import FulfillmentStatus, OrderStatus, PushStatus
from orders.models import Fulfillment, Order, OutboxMessage, Parcel
from orders.services import decisions
from tests.connectors.practice.shop import make_shop
from tests.factories import (
    NOON,
    make_channel,
    make_connection,
    make_marketplace,
    make_member,
    make_order,
    make_user,
)

pytestmark = pytest.mark.django_db
NO_TIMES = ("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00")
HOSTILE = "<script>alert('x')</script>"


@pytest.fixture
def page(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


def cursor_at(moment: str) -> str:
    return urlsafe_b64encode(f"{moment}|1".encode()).decode().rstrip("=")


def soon() -> dict:
    return {"confirm_by": timezone.now() + timedelta(days=1), "placed_at": timezone.now()}


def test_an_empty_portal_says_how_to_begin(page: Client):
    assert "Connect a store" in page.get("/orders/").content.decode()


def test_an_empty_list_asks_for_a_store_only_where_there_is_none(page: Client, merchant: Merchant):
    make_connection(merchant)

    text = page.get("/orders/").content.decode()

    assert "No orders yet" in text
    assert "Connect a store" not in text


def test_an_empty_list_offers_a_viewer_nothing_that_is_refused(merchant: Merchant, client: Client):
    client.force_login(make_member(merchant, Role.VIEWER))

    text = client.get("/orders/").content.decode()

    assert "Connect a store so that they have somewhere to go." in text
    assert reverse("connectors:gallery") not in text


def test_the_list_shows_ones_own_orders_only(page: Client, merchant: Merchant):
    mine, other = make_order(merchant), make_order()

    text = page.get("/orders/").content.decode()

    assert mine.number in text
    assert other.number not in text


def test_the_list_asks_the_same_number_of_questions_for_one_and_three(page: Client, merchant: Merchant):
    store = make_connection(merchant)
    make_order(merchant, connections=[store], **soon())
    page.get("/orders/")
    with CaptureQueriesContext(connection) as one:
        page.get("/orders/")
    make_order(merchant, connections=[store], **soon())
    make_order(merchant, connections=[store], **soon())
    with CaptureQueriesContext(connection) as three:
        page.get("/orders/")

    assert len(three) == len(one) <= 18


@pytest.mark.parametrize("tab", [tab.key for tab in queries.TABS])
def test_every_tab_opens(page: Client, merchant: Merchant, tab: str):
    make_order(merchant)

    assert page.get(f"/orders/?tab={tab}").status_code == 200


def test_a_tab_holds_its_headlines(page: Client, merchant: Merchant):
    waiting = make_order(merchant)
    done = make_order(merchant, status=OrderStatus.DECLINED)

    text = page.get("/orders/?tab=confirm").content.decode()

    assert waiting.number in text
    assert done.number not in text


def test_search_finds_by_word(page: Client, merchant: Merchant):
    found = make_order(merchant, search_text="ap-1 priya raman stool-oak")
    make_order(merchant, search_text="ap-2 tom")

    text = page.get("/orders/?q=Priya+stool").content.decode()

    assert found.public_id in text
    assert text.count('class="is-row"') == 1


def test_the_list_is_narrowed_to_a_channel(page: Client, merchant: Merchant):
    here, there = make_order(merchant), make_order(merchant, channel=make_channel(make_marketplace(name="JOOR")))

    text = page.get("/orders/", {"channel": there.channel_id}).content.decode()

    assert there.public_id in text
    assert here.public_id not in text


def test_the_list_is_narrowed_to_a_fulfillment_status(page: Client, merchant: Merchant):
    sent = make_order(merchant, fulfillment_status=FulfillmentStatus.FULFILLED)
    open_one = make_order(merchant)

    text = page.get("/orders/", {"fulfillment": "fulfilled"}).content.decode()

    assert sent.public_id in text
    assert open_one.public_id not in text


@pytest.mark.parametrize("query", [{"channel": "9" * 30}, {"channel": "²"}, {"channel": "-1"}, {"fulfillment": "sent"}])
def test_a_filter_that_makes_no_sense_is_left_out(page: Client, merchant: Merchant, query: dict[str, str]):
    order = make_order(merchant)

    assert order.public_id in page.get("/orders/", query).content.decode()


@pytest.mark.parametrize(("query", "is_open"), [({}, False), ({"payment": "captured"}, False), ({"days": "7"}, True)])
def test_filters_that_are_rarely_used_are_folded_unless_one_is_set(page: Client, query: dict[str, str], is_open: bool):
    text = page.get("/orders/", query).content.decode()

    assert ('<details class="more" open>' in text) is is_open


def test_pages_by_key_show_every_order_once(merchant: Merchant, monkeypatch):
    monkeypatch.setattr(queries, "PAGE_SIZE", 3)
    for n in range(10):
        make_order(merchant, placed_at=NOON - timedelta(minutes=n // 3))
    for oldest_first in (False, True):
        cursor, seen = "", []
        while True:
            wanted = queries.Wanted(cursor=cursor, oldest_first=oldest_first)
            found = queries.order_page(merchant, wanted, at=NOON)
            seen += [order.pk for order in found.orders]
            cursor = found.next_cursor
            if not cursor:
                break
        assert sorted(seen) == sorted(Order.objects.values_list("pk", flat=True))


@pytest.mark.parametrize("cursor", ["x", "!!!", "MjAyNg", "eA==", "9" * 500, *map(cursor_at, NO_TIMES)])
def test_a_cursor_that_was_changed_begins_anew(page: Client, merchant: Merchant, cursor: str):
    make_order(merchant)

    assert page.get("/orders/", {"cursor": cursor}).status_code == 200


def test_htmx_gets_the_rows_and_the_tabs_alone(page: Client, merchant: Merchant):
    make_order(merchant, search_text="priya")
    make_order(merchant, search_text="tom")

    response = page.get("/orders/?tab=confirm&q=priya&payment=", headers={"HX-Request": "true"})

    text = response.content.decode()
    assert "<html" not in text
    assert "HX-Request" in response["Vary"]
    assert text.count('id="order-tabs"') == text.count('hx-swap-oob="true"') == 1
    assert '<a class="tab" href="?q=priya&amp;tab=all">All<span class="tab-count">1</span></a>' in text
    assert response.context["tabs"][1][1] == "1"


def test_tabs_keep_the_search_and_the_filters_and_drop_the_page(page: Client, merchant: Merchant):
    make_order(merchant, search_text="priya")

    text = page.get("/orders/?q=priya&payment=authorized&sort=oldest&cursor=x&tab=all").content.decode()

    assert '<a class="tab" href="?q=priya&amp;payment=authorized&amp;sort=oldest&amp;tab=closed">' in text
    assert "hx-swap-oob" not in text


@pytest.mark.parametrize(("push_status", "primary"), [(PushStatus.WAITING, "confirm"), (PushStatus.HELD, "check")])
def test_the_first_thing_to_do_stands_out(page: Client, merchant: Merchant, push_status: PushStatus, primary: str):
    order = make_order(merchant, push_status=push_status, **soon())

    text = page.get(reverse("orders:detail", args=[order.public_id])).content.decode()

    for name in ("confirm", "check"):
        door = reverse(f"orders:{name}", args=[order.public_id])
        button = text.split(f'action="{door}"')[1].split("<button")[1].split(">")[0]
        assert ("btn-primary" in button) is (name == primary)


@pytest.mark.parametrize("name", ["detail", "decline", "cancel"])
def test_another_merchants_order_does_not_exist(page: Client, name: str):
    assert page.get(reverse(f"orders:{name}", args=[make_order().public_id])).status_code == 404


@pytest.mark.parametrize("name", ["confirm", "check", "capture_retry", "decline", "cancel"])
def test_nobody_acts_on_another_merchants_order(page: Client, name: str):
    order = make_order()

    assert page.post(reverse(f"orders:{name}", args=[order.public_id]), {"reason": "x"}).status_code == 404
    order.refresh_from_db()
    assert order.status == OrderStatus.PENDING


@pytest.mark.parametrize("name", ["push_retry", "push_skip", "push_bring_back", "push_found", "push_not_there"])
def test_nobody_acts_on_another_merchants_push(page: Client, name: str):
    push = make_order(connections=[make_connection()]).pushes.get()

    assert page.post(reverse(f"orders:{name}", args=[push.public_id])).status_code == 404


@pytest.mark.parametrize("name", ["confirm", "check", "capture_retry", "decline", "cancel"])
def test_a_viewer_changes_nothing(merchant: Merchant, client: Client, name: str):
    client.force_login(make_member(merchant, Role.VIEWER))
    order = make_order(merchant, **soon())

    response = client.post(reverse(f"orders:{name}", args=[order.public_id]), {"reason": "x"})

    assert response.status_code == 403
    assert "may look at this but not change it" in response.content.decode()
    assert not OutboxMessage.objects.exists()


@pytest.mark.parametrize("name", ["bulk_confirm", "auto_accept"])
def test_a_viewer_turns_nothing(merchant: Merchant, client: Client, name: str):
    client.force_login(make_member(merchant, Role.VIEWER))

    assert client.post(reverse(f"orders:{name}"), {"on": "1"}).status_code == 403


def test_a_viewer_sees_no_buttons(merchant: Merchant, client: Client):
    client.force_login(make_member(merchant, Role.VIEWER))
    order = make_order(merchant, **soon())

    text = client.get(reverse("orders:detail", args=[order.public_id])).content.decode()

    assert order.number in text
    assert "Confirm and capture" not in text


def test_confirming_and_its_refusal_are_said(page: Client, merchant: Merchant):
    order = make_order(merchant, **soon())

    first = page.post(reverse("orders:confirm", args=[order.public_id]), follow=True).content.decode()
    second = page.post(reverse("orders:confirm", args=[order.public_id]), follow=True).content.decode()

    assert "Its payment is being taken" in first
    assert "already confirmed by ana@kauri.example" in second


def test_confirm_goes_back_to_pages_of_ours_only(page: Client, merchant: Merchant):
    order = make_order(merchant, **soon())

    response = page.post(reverse("orders:confirm", args=[order.public_id]), {"next": "https://evil.example/"})

    assert response["Location"].startswith("/orders/")


def test_deciding_needs_post(page: Client, merchant: Merchant):
    order = make_order(merchant)

    assert page.get(reverse("orders:confirm", args=[order.public_id])).status_code == 405


def test_declining_keeps_what_was_typed_when_it_is_refused(page: Client, merchant: Merchant):
    order = make_order(merchant, status=OrderStatus.CONFIRMED)

    response = page.post(reverse("orders:decline", args=[order.public_id]), {"reason": "No more clay."})

    text = response.content.decode()
    assert "No more clay." in text
    assert "already confirmed" in text


def test_many_are_confirmed_each_for_itself(page: Client, merchant: Merchant):
    good, late = make_order(merchant, **soon()), make_order(merchant, confirm_by=NOON - timedelta(days=9))
    foreign = make_order(**soon())
    chosen = [order.public_id for order in (good, late, foreign)]

    text = page.post(reverse("orders:bulk_confirm"), {"orders": chosen}, follow=True).content.decode()

    assert "1 confirmed." in text
    assert f"The time to confirm order {late.number} ended" in text
    foreign.refresh_from_db()
    assert foreign.status == OrderStatus.PENDING


def test_auto_accept_is_turned_on_and_off(page: Client, merchant: Merchant):
    page.post(reverse("orders:auto_accept"), {"on": "1"})
    merchant.refresh_from_db()
    assert merchant.auto_accept

    page.post(reverse("orders:auto_accept"), {"on": "0"})
    merchant.refresh_from_db()
    assert not merchant.auto_accept


def test_order_settings_refuse_a_wrong_address_and_keep_it(page: Client):
    response = page.post(reverse("orders:settings"), {"confirm_within_hours": "24", "alert_addresses": "nobody"})

    text = response.content.decode()
    assert "nobody is not an e-mail address" in text
    assert ">\nnobody</textarea>" in text


def test_order_settings_are_saved(page: Client, merchant: Merchant):
    page.post(
        reverse("orders:settings"),
        {"confirm_within_hours": "24", "alert_addresses": "a@kauri.example\nb@kauri.example"},
    )

    merchant.refresh_from_db()
    assert (merchant.confirm_within_hours, merchant.alert_addresses) == (24, ["a@kauri.example", "b@kauri.example"])


def test_hostile_text_is_inert_wherever_it_stands(page: Client, merchant: Merchant):
    order = make_order(
        merchant, number=HOSTILE, customer_name=HOSTILE, customer_note=HOSTILE, attributes={HOSTILE: HOSTILE},
        lines=[{"sku": HOSTILE, "title": HOSTILE}], connections=[make_connection(merchant, name=HOSTILE)],
    )  # fmt: skip

    for path in ("/orders/", reverse("orders:detail", args=[order.public_id])):
        assert HOSTILE not in page.get(path).content.decode()


def test_a_tracking_address_that_is_no_web_address_is_no_link(page: Client, merchant: Merchant):
    order = make_order(merchant, connections=[make_connection(merchant)])
    sent = Fulfillment.objects.create(
        order=order, push=order.pushes.get(), remote_id="F1", status="success", created_at=NOON
    )
    Parcel.objects.create(fulfillment=sent, number="P1", url="javascript:alert(1)")

    text = page.get(reverse("orders:detail", args=[order.public_id])).content.decode()

    assert "P1" in text
    assert "javascript:" not in text


def test_a_page_that_moves_looks_again_and_one_that_rests_does_not(page: Client, merchant: Merchant):
    order = make_order(merchant, connections=[make_connection(merchant)])
    path = reverse("orders:detail", args=[order.public_id])
    assert "every 2s" not in page.get(path).content.decode()

    order.pushes.update(status="queued", wait_for="")

    assert "every 2s" in page.get(path).content.decode()


def test_a_page_rests_when_the_payment_failed(page: Client, merchant: Merchant):
    order = make_order(
        merchant, status=OrderStatus.CONFIRMED, payment_status="failed", connections=[make_connection(merchant)]
    )
    order.pushes.update(wait_for=captured(order.pk), reason="Not sent, as the payment could not be captured: no funds.")

    text = page.get(reverse("orders:detail", args=[order.public_id])).content.decode()

    assert "Payment failed" in text
    assert "every 2s" not in text


@pytest.mark.parametrize(
    ("fields", "push", "shown"),
    [
        ({}, {"status": "held", "wait_for": "", "reason": "No product with SKU BOWL."}, True),
        ({"status": "confirmed", "payment_status": "failed"}, {"reason": "No product with SKU BOWL."}, True),
        ({"status": "draft", "blockers": [{"code": "x", "message": "No product with SKU BOWL."}]}, {}, True),
        ({}, {"reason": "No product with SKU BOWL."}, False),
        ({"status": "declined", "blockers": [{"code": "x", "message": "No product with SKU BOWL."}]}, {}, False),
    ],
)
def test_a_row_says_why_its_order_stands_still(page: Client, merchant: Merchant, fields, push, shown):
    order = make_order(merchant, connections=[make_connection(merchant)], **soon() | fields)
    order.pushes.update(**push)
    order.push_status = push.get("status", "waiting")
    order.save(update_fields=["push_status"])

    text = page.get("/orders/").content.decode()

    assert ('<span class="sub why" title="No product with SKU BOWL.">' in text) is shown


def test_a_blocked_row_leads_to_its_fix_instead_of_a_refusal(page: Client, merchant: Merchant):
    order = make_order(merchant, connections=[make_connection(merchant)], **soon())
    confirm = reverse("orders:confirm", args=[order.public_id])
    assert confirm in page.get("/orders/").content.decode()

    order.pushes.update(status="held", wait_for="", reason="No product with SKU BOWL.")
    Order.objects.update(push_status="held")

    text = page.get("/orders/").content.decode()
    assert "See the fix" in text
    assert confirm not in text


def test_every_admin_list_opens_and_shows_no_secret(client: Client, merchant: Merchant):
    client.force_login(make_user(is_staff=True, is_superuser=True))
    store = make_connection(merchant)
    make_order(merchant, connections=[store])
    secret = store.credentials["access_token"]

    for model, shown in admin.site._registry.items():
        path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        text = client.get(path).content.decode()
        assert secret not in text, shown
    detail = client.get(reverse("admin:connectors_connection_change", args=[store.pk])).content.decode()
    assert secret not in detail
    assert "hush" not in detail


def test_the_admin_has_a_page_for_every_model_of_ours():
    ours = {
        model for label in ("accounts", "connectors", "orders") for model in apps.get_app_config(label).get_models()
    }

    assert ours - set(admin.site._registry) == set()


def test_no_admin_page_shows_a_practice_key_or_a_second_factor(client: Client):
    staff = make_user(is_staff=True, is_superuser=True)
    client.force_login(staff)
    shop = make_shop()
    rows = [
        shop,
        shop.tokens.create(kind="access", value="canary-token", scopes=[], expires_at=NOON),
        shop.webhooks.create(topic="order.updated", uri="x", details={"secret": "canary-hook"}, created_at=NOON),
        Authenticator.objects.create(user=staff, type="totp", data={"secret": "canary-factor"}),
    ]

    for row in rows:
        text = client.get(reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk]))
        assert text.status_code == 200
        for secret in (shop.access_token, shop.webhook_secret, "canary"):
            assert secret not in text.content.decode(), row


def test_the_queues_own_admin_is_off():
    assert not admin.site.is_registered(Schedule)
    assert not admin.site.is_registered(OrmQ)


@pytest.mark.parametrize(
    "path", ["/orders/%00/", "/orders/?destination=%00", "/api/v1/orders/?number=%00", "/orders/?q=a%00b"]
)
def test_a_nul_in_an_address_is_refused(page: Client, path: str):
    assert page.get(path).status_code == 400


def test_a_cancellation_that_waits_for_the_payment_says_so(page: Client, merchant: Merchant):
    order = make_order(merchant, **soon())
    decisions.confirm(order_id=order.pk, by="ana", at=timezone.now())
    outbox.claim(at=timezone.now() + timedelta(seconds=1))

    answer = page.post(f"/orders/{order.public_id}/cancel/", {"reason": HOSTILE}, follow=True).content.decode()

    assert f"Order {order.number} will be cancelled as soon as its payment answers." in answer
    assert 'id="cancel-wish"' in answer
    assert HOSTILE not in answer
    assert reverse("orders:cancel", args=[order.public_id]) not in answer
