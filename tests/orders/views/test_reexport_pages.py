"""The re-export page as each role and stranger sees it, and what the API says of the same."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Merchant, Role, User
from orders.enums import ReexportStatus
from orders.models import Order, OrderPush, Reexport
from orders.services import order_edits
from tests.factories import NOON, later, make_member
from tests.orders.api.client import Api, make_api
from tests.orders.reexporting import ask, choose, make_exported
from tests.orders.services.pushed import Pushed

pytestmark = pytest.mark.django_db


@pytest.fixture
def exported(merchant: Merchant) -> Pushed:
    return make_exported(merchant)


@pytest.fixture
def page(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


def address(pushed: Pushed) -> str:
    return reverse("orders:reexport", args=[pushed.push.public_id])


def text(response) -> str:
    return response.content.decode()


def test_it_is_set_looked_at_and_carried_out_without_javascript(page: Client, exported: Pushed):
    assert "Set to re-export" in text(page.get(address(exported)))

    assert "Looking at the earlier copy" in text(page.post(address(exported), follow=True))
    exported.store.clock.at = later()
    exported.drain()
    found = text(page.get(address(exported)))
    assert "It stands there and has not been sent." in found
    row = Reexport.objects.get()
    page.post(reverse("orders:reexport_choose", args=[row.public_id]), {"way": "recreate"})
    exported.store.clock.at = later()
    exported.drain()
    exported.drain()

    assert "The new order goes to Kauri Shopify as" in text(page.get(address(exported)))
    assert len(exported.store.standing()) == 1


def test_a_partial_is_the_page_without_its_frame(page: Client, exported: Pushed):
    response = page.get(address(exported), headers={"HX-Request": "true"})

    assert "<html" not in text(response)
    assert "HX-Request" in response["Vary"]


def test_a_closed_way_is_refused_beside_the_choice(page: Client, exported: Pushed):
    row = ask(exported)

    response = page.post(reverse("orders:reexport_choose", args=[row.public_id]), {"way": "clone"})

    assert response.status_code == 422
    assert 'role="alert"' in text(response)
    assert "still stands in Kauri Shopify" in text(response)


def test_nothing_chosen_is_refused_beside_the_choice(page: Client, exported: Pushed):
    row = ask(exported)

    response = page.post(reverse("orders:reexport_choose", args=[row.public_id]), {})

    assert "Choose what is to be done." in text(response)


def test_it_is_left_as_it_is(page: Client, exported: Pushed):
    row = ask(exported)

    page.post(reverse("orders:reexport_withdraw", args=[row.public_id]))

    row.refresh_from_db()
    assert row.status == ReexportStatus.WITHDRAWN


def test_it_is_looked_at_again(page: Client, exported: Pushed):
    row = ask(exported)

    page.post(reverse("orders:reexport_look", args=[row.public_id]))

    row.refresh_from_db()
    assert row.status == ReexportStatus.LOOKING


def test_before_and_after_stand_side_by_side(page: Client, exported: Pushed):
    order_edits.flag(exported.push, [order_edits.Change("note", "Ring once", "Ring twice")], at=NOON)

    shown = text(page.get(address(exported)))

    assert ("Ring once" in shown, "Ring twice" in shown) == (True, True)
    assert "Changed since it was exported: note." in text(
        page.get(reverse("orders:detail", args=[exported.order.public_id]))
    )


def test_the_list_is_narrowed_to_orders_that_were_modified(page: Client, exported: Pushed):
    other = make_exported(exported.order.merchant)
    order_edits.flag(exported.push, [order_edits.Change("note", "", "Ring twice")], at=NOON)

    shown = text(page.get(reverse("orders:list"), {"export": "modified"}))

    assert (exported.order.number in shown, other.order.number in shown) == (True, False)


def test_what_is_not_there_says_why_nothing_is_exported_again(page: Client, exported: Pushed):
    OrderPush.objects.update(status="queued", remote_id="", pushed_at=None)

    assert "there is nothing to export again" in text(page.get(address(exported)))


def test_a_viewer_looks_and_does_not_change(merchant: Merchant, client: Client, exported: Pushed):
    row = ask(exported)
    client.force_login(make_member(merchant, Role.VIEWER))

    assert "Go on" not in text(client.get(address(exported)))
    for path in (
        address(exported),
        *(reverse(f"orders:reexport_{what}", args=[row.public_id]) for what in ("choose", "look", "withdraw")),
    ):
        assert client.post(path, {"way": "recreate"}).status_code == 403


def test_strangers_find_nothing(client: Client, exported: Pushed):
    row = ask(exported)
    client.force_login(make_member(make_exported().order.merchant))

    assert client.get(address(exported)).status_code == 404
    for what in ("choose", "look", "withdraw"):
        assert client.post(reverse(f"orders:reexport_{what}", args=[row.public_id])).status_code == 404


def test_the_page_asks_as_often_for_one_re_export_as_for_three(
    page: Client, exported: Pushed, django_assert_max_num_queries
):
    for _ in range(3):
        row = ask(exported)
        Reexport.objects.filter(pk=row.pk).update(status="withdrawn", ended_at=NOON)

    with django_assert_max_num_queries(16):
        page.get(address(exported))


def test_the_operator_looks_at_re_exports_and_faults(client: Client, exported: Pushed):
    ask(exported)
    client.force_login(User.objects.create_superuser(email="op@example.com", password="correct horse battery"))

    assert client.get("/admin/orders/reexport/").status_code == 200
    assert client.get("/admin/orders/syncfault/").status_code == 200


# --- over the API ----------------------------------------------------------------------------------


@pytest.fixture
def api(db: None) -> Api:
    return make_api()


@pytest.fixture
def ours(api: Api) -> Pushed:
    return make_exported(api.merchant)


def send(api: Api, method: str, path: str, body=None):
    return api.send(method, path, body, key=api.merchant_key)


def test_the_api_sets_reads_chooses_and_tells_the_successor(api: Api, ours: Pushed):
    path = f"pushes/{ours.push.public_id}/re-export/"
    asked = send(api, "POST", path)
    ours.store.clock.at = ours.store.clock.at.replace(year=2030)
    ours.drain()
    ready = send(api, "GET", path).json()

    chosen = send(api, "POST", f"re-exports/{ready['id']}/choose/", {"way": "recreate"})
    for _ in range(3):
        ours.drain()

    assert (asked.status_code, ready["status"], ready["found"]["state"], chosen.json()["status"]) == (
        201, "ready", "live", "running",
    )  # fmt: skip
    done = send(api, "GET", f"re-exports/{ready['id']}/").json()
    assert done["successor"] == OrderPush.objects.get(generation=2).public_id
    assert [push["generation"] for push in send(api, "GET", f"orders/{ours.order.public_id}/").json()["pushes"]] == [
        1,
        2,
    ]


def test_the_api_refuses_with_a_code(api: Api, ours: Pushed):
    row = ask(ours)

    closed = send(api, "POST", f"re-exports/{row.public_id}/choose/", {"way": "clone"})
    unknown = send(api, "POST", f"re-exports/{row.public_id}/choose/", {"way": "magic"})

    assert (closed.status_code, closed.json()["code"]) == (409, "reexport_refused")
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (400, "way")


def test_the_api_withdraws(api: Api, ours: Pushed):
    row = ask(ours)

    assert send(api, "POST", f"re-exports/{row.public_id}/withdraw/").json()["status"] == "withdrawn"


def test_another_merchants_push_does_not_exist_for_the_api(api: Api, exported: Pushed):
    row = choose(exported, ask(exported), "recreate")

    assert send(api, "POST", f"pushes/{exported.push.public_id}/re-export/").status_code == 404
    assert send(api, "GET", f"pushes/{exported.push.public_id}/re-export/").status_code == 404
    assert send(api, "GET", f"re-exports/{row.public_id}/").status_code == 404
    assert api.send("POST", f"re-exports/{row.public_id}/withdraw/").status_code == 403


def test_a_push_that_was_never_set_to_re_export_has_none(api: Api, ours: Pushed):
    assert send(api, "GET", f"pushes/{ours.push.public_id}/re-export/").status_code == 404
    assert Order.objects.count() == 1
