"""Lines per destination, moving them, the rules and the previews, as each role and stranger sees them."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Merchant, Role, User
from connectors.models import Connection
from orders.models import Order, OrderPush, PushLine, RoutingRule
from tests.factories import NOON, make_connection, make_member, make_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def stores(merchant: Merchant) -> tuple[Connection, Connection]:
    return make_connection(merchant, name="Kauri", is_default=True), make_connection(merchant, name="Rimu")


@pytest.fixture
def order(merchant: Merchant, stores) -> Order:
    return make_order(merchant, connections=[stores[0]], lines=[{"sku": "A"}, {"sku": "B"}], shipping=7)


def detail(page: Client, order: Order) -> str:
    return page.get(reverse("orders:detail", args=[order.public_id])).content.decode()


def move(client: Client, order: Order, target: Connection, *skus: str):
    lines = list(order.lines.filter(sku__in=skus).values_list("public_id", flat=True))
    data = {"lines": lines, "destination": target.public_id}
    return client.post(reverse("orders:move", args=[order.public_id]), data, follow=True)


def test_a_manager_moves_lines_without_javascript(merchant: Merchant, client: Client, order: Order, stores):
    client.force_login(make_member(merchant, Role.MANAGER, email="ben@kauri.example"))

    text = move(client, order, stores[1], "A").content.decode()

    assert PushLine.objects.get(line__sku="A").push.connection == stores[1]
    assert "ben@kauri.example moved 1 x Oak stool from Kauri to Rimu." in text
    assert "with another store" in text


def test_the_page_offers_the_other_stores_only(page: Client, order: Order, stores):
    text = detail(page, order)

    assert f'<option value="{stores[1].public_id}">Rimu' in text
    assert f'<option value="{stores[0].public_id}">' not in text


def test_what_is_there_cannot_be_chosen(page: Client, order: Order):
    order.pushes.update(status="pushed", wait_for="", remote_id="1", remote_name="#1001", pushed_at=NOON)

    assert "Move the chosen lines" not in detail(page, order)


def test_with_one_store_the_lines_stand_once(page: Client, merchant: Merchant):
    order = make_order(merchant, connections=[make_connection(merchant)])

    assert "part-lines" not in detail(page, order)


def test_a_refusal_is_shown_in_words(page: Client, order: Order, stores):
    order.pushes.update(status="pushed", wait_for="", remote_id="1", remote_name="#1001", pushed_at=NOON)

    assert "is in Kauri as #1001 already" in move(page, order, stores[1], "A").content.decode()


def test_a_form_without_lines_is_refused(page: Client, order: Order, stores):
    assert "Choose the lines to move." in move(page, order, stores[1]).content.decode()


def test_nothing_is_moved_to_a_strangers_store(page: Client, order: Order, stores):
    assert "This store is no destination of yours." in move(page, order, make_connection(), "A").content.decode()
    assert PushLine.objects.filter(push__connection=stores[0]).count() == 2


def test_a_viewer_moves_nothing_and_sees_no_form(merchant: Merchant, client: Client, order: Order, stores):
    client.force_login(make_member(merchant, Role.VIEWER))

    assert move(client, order, stores[1], "A").status_code == 403
    assert "Move the chosen lines" not in detail(client, order)


def test_lines_that_go_nowhere_are_shown_with_the_fix(page: Client, order: Order):
    OrderPush.objects.all().delete()
    blocker = {"code": "no_destination", "message": "No store is chosen for A, B.", "field": "lines", "value": "A, B"}
    Order.objects.update(push_status="held", blockers=[blocker])

    text = detail(page, order)

    assert "A part of this order goes nowhere." in text
    assert 'id="to-lost"' in text
    assert "No destination" in page.get("/orders/").content.decode()


@pytest.mark.parametrize("name", ["orders:move", "orders:push_preview"])
def test_another_merchants_order_and_push_do_not_exist(page: Client, name: str):
    order = make_order(connections=[make_connection()])
    public_id = order.public_id if name == "orders:move" else order.pushes.get().public_id
    ask = page.post if name == "orders:move" else page.get

    assert ask(reverse(name, args=[public_id])).status_code == 404


# --- preview -----------------------------------------------------------------------------------------


def preview(client: Client, order: Order) -> str:
    return client.get(reverse("orders:push_preview", args=[order.pushes.get().public_id])).content.decode()


def test_a_viewer_sees_the_call_its_sources_and_no_key(merchant: Merchant, client: Client, order: Order):
    client.force_login(make_member(merchant, Role.VIEWER))

    text = preview(client, order)

    assert "POST /admin/api/2026-10/graphql.json" in text
    assert "variables.order.lineItems" in text
    assert '<span class="source">product link</span>' in text
    assert "shpat_canary" not in text
    assert "It has not been sent yet." in text


def test_a_preview_shows_what_is_another_since_the_last_time(page: Client, order: Order):
    order.pushes.update(sent_at=NOON, sent_calls=[{"method": "PUT", "path": "/x", "body": {}}])

    text = preview(page, order)

    assert "0.method" in text
    assert "&quot;PUT&quot;" in text


def test_hostile_text_stays_text(page: Client, order: Order):
    Order.objects.update(customer_note="<script>alert('x')</script>")

    assert "<script>alert" not in preview(page, order)


# --- rules ---------------------------------------------------------------------------------------------


def rule(connection: Connection, value: str = "OAK", position: int = 0) -> RoutingRule:
    return RoutingRule.objects.create(
        merchant=connection.merchant, connection=connection, kind="sku_prefix", value=value, position=position
    )


def add(client: Client, connection: Connection, **fields):
    data = {"kind": "sku_prefix", "name": "", "value": "OAK", "destination": connection.public_id, **fields}
    return client.post(reverse("orders:routing"), data, follow=True)


def test_a_rule_is_added_and_shown(page: Client, stores):
    text = add(page, stores[1]).content.decode()

    assert "SKU begins with" in text
    assert RoutingRule.objects.get().connection == stores[1]


def test_a_rule_that_makes_no_sense_keeps_what_was_typed(page: Client, stores):
    response = add(page, stores[1], kind="country", value="Neuseeland")

    assert response.status_code == 422
    assert "is no ISO 3166-1 country code" in response.content.decode()
    assert 'value="Neuseeland"' in response.content.decode()


def test_rules_are_raised_and_removed(page: Client, stores):
    _, second = rule(stores[0], "A"), rule(stores[1], "B", 1)

    page.post(reverse("orders:rule_raise", args=[second.public_id]))
    assert RoutingRule.objects.in_order().first() == second
    page.post(reverse("orders:rule_remove", args=[second.public_id]))
    assert not RoutingRule.objects.filter(pk=second.pk).exists()


def test_the_default_destination_is_chosen(page: Client, stores):
    page.post(reverse("orders:routing_default"), {"default": stores[1].public_id})

    assert Connection.objects.get(is_default=True) == stores[1]


def test_a_strangers_store_is_no_default(page: Client, stores):
    page.post(reverse("orders:routing_default"), {"default": make_connection().public_id})

    assert Connection.objects.get(is_default=True) == stores[0]


@pytest.mark.parametrize(("count", "words"), [(0, "No store is connected"), (1, "your only destination")])
def test_with_fewer_than_two_stores_the_page_says_what_holds(page: Client, merchant: Merchant, count: int, words: str):
    for _ in range(count):
        make_connection(merchant)

    assert words in page.get(reverse("orders:routing")).content.decode()


def test_a_viewer_reads_the_rules_and_changes_nothing(merchant: Merchant, client: Client, stores):
    client.force_login(make_member(merchant, Role.VIEWER))
    standing = rule(stores[1])

    text = client.get(reverse("orders:routing")).content.decode()

    assert "SKU begins with" in text
    assert "Add a rule" not in text
    assert add(client, stores[1], value="B").status_code == 403
    assert client.post(reverse("orders:rule_remove", args=[standing.public_id])).status_code == 403
    assert client.post(reverse("orders:routing_default"), {"default": stores[1].public_id}).status_code == 403


@pytest.mark.parametrize("name", ["rule_raise", "rule_remove"])
def test_another_merchants_rule_does_not_exist(page: Client, name: str):
    strangers = rule(make_connection())

    assert page.post(reverse(f"orders:{name}", args=[strangers.public_id])).status_code == 404
    assert RoutingRule.objects.filter(pk=strangers.pk).exists()
