"""The pages about partners, as each side, each role and strangers see them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from connectors.base import Parcel
from connectors.models import CatalogVariant, Connection, PartnerEmail, Partnership, Plan, ProductLink, Side
from connectors.services import partners
from orders import outbox
from orders.enums import PushStatus
from tests.factories import NOON, make_connection, make_member, make_merchant
from tests.orders.services.partnered import Partnered, make_partnered

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair() -> Partnered:
    return make_partnered()


def as_user(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def seller(pair) -> Client:
    return as_user(pair.person)


@pytest.fixture
def owner_side(pair) -> Client:
    return as_user(pair.potter)


def url(name: str, pair: Partnered) -> str:
    return reverse(f"orders:{name}", args=[pair.partnership.public_id])


def text(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, response.status_code
    return response.content.decode()


# --- asking and answering ----------------------------------------------------------------------------


def invite(client: Client, **data: str):
    return client.post(reverse("orders:partners"), {"side": "destination", "store": "", **data})


def test_a_merchant_asked_by_name_sees_the_question_and_accepts_with_a_store():
    person, potter = make_member(make_merchant(name="Kauri")), make_member(make_merchant(name="Atua", slug="atua"))
    store = make_connection(potter.memberships.get().merchant, name="Atua Shopify")
    assert invite(as_user(person), whom="Atua").status_code == 302
    outbox.drain()
    assert [letter.to for letter in mail.outbox] == [[potter.email]]
    row = Partnership.objects.get()

    page = text(as_user(potter), reverse("orders:partners"))
    assert "Kauri" in page
    assert "Atua Shopify" in page
    done = as_user(potter).post(reverse("orders:partner_accept", args=[row.public_id]), {"store": store.public_id})

    row.refresh_from_db()
    assert (done.status_code, row.state, row.connection.source) == (302, "accepted", store)
    assert row.connection.merchant == row.destination


def test_a_person_asked_by_e_mail_accepts_by_the_link():
    source = make_merchant(name="Atua")
    potter, store = make_member(source), make_connection(source)
    seller = make_member(make_merchant(name="Kauri"), email="ana@kauri.example")
    answer = invite(as_user(potter), side="source", whom="Ana@Kauri.example", store=store.public_id)
    outbox.drain()
    assert answer.status_code == 302
    link = next(line for line in mail.outbox[0].body.splitlines() if "/invitation/" in line)
    path = link[link.index("/settings/") :]
    stranger = make_member(make_merchant())

    assert "This question is for ana@kauri.example" in text(as_user(stranger), path)
    assert as_user(stranger).post(path).status_code == 403
    assert "asks you to work together" in text(as_user(seller), path)
    assert as_user(seller).post(path).status_code == 302

    row = Partnership.objects.get()
    assert (row.state, row.destination, row.token_digest) == ("accepted", seller.memberships.get().merchant, "")
    assert as_user(seller).get(path).status_code == 410


def test_a_question_is_declined_and_the_asker_told():
    person, potter = make_member(make_merchant()), make_member(make_merchant(slug="atua", name="Atua"))
    invite(as_user(person), whom="atua")
    row = Partnership.objects.get()

    as_user(potter).post(reverse("orders:partner_decline", args=[row.public_id]))
    outbox.drain()

    row.refresh_from_db()
    assert (row.state, row.connection) == ("declined", None)
    assert mail.outbox[-1].subject == "Atua does not want to work with you"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"whom": "nobody-here"}, "Nobody can be asked under this name."),
        ({"whom": "kauri-own"}, "This is your own short name."),
        ({"whom": "a@b"}, "Enter a valid email address."),
        ({"whom": "", "side": "destination"}, "This field is required."),
        ({"whom": "a@b.example", "side": "source"}, "Choose the store that their orders go to."),
    ],
)
def test_a_question_that_cannot_be_asked_keeps_what_was_typed(given, words):
    client = as_user(make_member(make_merchant(slug="kauri-own")))

    response = invite(client, **given)

    assert response.status_code == 422
    assert words in response.content.decode()
    assert f'value="{given["whom"]}"' in response.content.decode() or not given["whom"]
    assert not Partnership.objects.exists()


def test_whoever_asked_cannot_answer_for_the_other_side():
    person = make_member(make_merchant())
    make_merchant(slug="atua")
    invite(as_user(person), whom="atua")
    row = Partnership.objects.get()

    assert as_user(person).post(reverse("orders:partner_accept", args=[row.public_id])).status_code == 404


def test_a_store_of_another_merchant_cannot_be_approved():
    person, potter = make_member(make_merchant()), make_member(make_merchant(slug="atua"))
    invite(as_user(person), whom="atua")
    row, strangers = Partnership.objects.get(), make_connection()

    as_user(potter).post(reverse("orders:partner_accept", args=[row.public_id]), {"store": strangers.public_id})

    row.refresh_from_db()
    assert row.state == "invited"


def test_an_invitation_that_ran_out_cannot_be_accepted():
    person, potter = make_member(make_merchant()), make_member(make_merchant(slug="atua"))
    store = make_connection(potter.memberships.get().merchant)
    invite(as_user(person), whom="atua")
    Partnership.objects.update(expires_at=NOON.replace(year=2020))
    row = Partnership.objects.get()

    page = as_user(potter).post(
        reverse("orders:partner_accept", args=[row.public_id]), {"store": store.public_id}, follow=True
    )

    assert "The invitation has run out." in page.content.decode()
    assert "Ran out" in page.content.decode()


@pytest.mark.parametrize("role", [Role.MANAGER, Role.VIEWER])
def test_only_owners_ask_answer_and_end(pair, role):
    client = as_user(make_member(pair.owner, role))

    codes = [
        invite(client, whom="x@y.example").status_code,
        client.post(url("partner_revoke", pair)).status_code,
        client.post(url("partner_accept", pair)).status_code,
        client.post(url("partner_decline", pair)).status_code,
    ]

    assert codes == [403, 403, 403, 403]


def test_the_end_is_asked_for_once_more_and_shown_to_the_other_side(pair, seller, owner_side):
    pair.paid(("BOWL", 1, "30.00"))
    assert "1 order will be held" in text(owner_side, url("partner_revoke", pair))

    owner_side.post(url("partner_revoke", pair))

    page = text(seller, url("partner", pair))
    assert "<strong>Revoked</strong> by Atua Ceramics" in page
    assert "Nothing new is sent." in page
    assert "Revoked" in text(seller, reverse("orders:partners"))


def test_without_partners_the_list_says_what_it_is_for():
    assert "No partners yet" in text(as_user(make_member(make_merchant())), reverse("orders:partners"))


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_of_partners_takes_a_fixed_number_of_queries(pair, owner_side, count, django_assert_num_queries):
    for _ in range(count - 1):
        other = make_merchant()
        partners.invite(merchant_id=other.pk, side=Side.DESTINATION, whom=pair.owner.slug, by="x", at=NOON)
    owner_side.get(reverse("orders:partners"))

    with django_assert_num_queries(PARTNER_LIST_QUERIES):
        owner_side.get(reverse("orders:partners"))


PARTNER_LIST_QUERIES = 10


# --- what is shared ------------------------------------------------------------------------------------


def test_the_destination_cannot_share_or_take_away(pair, seller):
    assert seller.post(url("partner_share", pair), {"skus": "SECRET-LAMP"}).status_code == 404
    assert seller.post(url("partner_unshare", pair), {"variant": "variant-BOWL"}).status_code == 404
    assert CatalogVariant.objects.filter(connection=pair.connection).count() == 2


def test_what_is_not_shared_any_more_has_no_link(pair, owner_side):
    owner_side.post(url("partner_unshare", pair), {"variant": "variant-BOWL"})

    assert list(ProductLink.objects.filter(connection=pair.connection).values_list("sku", flat=True)) == ["MUG"]
    assert "BOWL" not in text(owner_side, url("partner", pair))


# --- settings --------------------------------------------------------------------------------------------


def test_another_address_is_saved_and_one_that_is_missing_is_asked_for(pair, seller):
    refused = seller.post(url("partner_settings", pair), {"email_policy": "other", "other_email": ""})
    assert (refused.status_code, "Type the address" in refused.content.decode()) == (422, True)

    seller.post(url("partner_settings", pair), {"email_policy": "other", "other_email": "desk@kauri.example"})

    pair.partnership.settings.refresh_from_db()
    assert pair.partnership.settings.email_policy == PartnerEmail.OTHER


def rules(*rows: tuple[str, str]) -> dict[str, str]:
    data = {"rules-TOTAL_FORMS": str(len(rows)), "rules-INITIAL_FORMS": "0"}
    for index, (at_least, costs) in enumerate(rows):
        data |= {f"rules-{index}-at_least": at_least, f"rules-{index}-costs": costs}
    return data


def test_shipping_rules_are_saved_and_empty_rows_are_none(pair, seller):
    seller.post(url("partner_rules", pair), rules(("0", "12.00"), ("", ""), ("100.00", "10.00")))

    saved = pair.partnership.shipping_rules.order_by("at_least").values_list("at_least", "costs")
    assert list(saved) == [(0, 12), (100, 10)]
    assert 'value="100.00"' in text(seller, url("partner", pair))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("10", "")], "Fill in both, or neither."),
        ([("10", "1"), ("10", "2")], "Two shipping rules begin at the same total."),
        ([("-1", "2")], "greater than or equal to 0"),
        ([("10", "99999999999")], "An amount from 0 to below 1,000,000."),
        ([("10", "0.001")], "NZD has fewer decimals."),
    ],
)
def test_shipping_rules_that_make_no_sense_keep_what_was_typed(pair, seller, rows, words):
    response = seller.post(url("partner_rules", pair), rules(*rows))

    assert response.status_code == 422
    assert words in response.content.decode()
    assert f'value="{rows[0][0]}"' in response.content.decode()
    assert not pair.partnership.shipping_rules.exists()


def test_the_source_and_viewers_change_no_push_settings(pair, owner_side):
    viewer = as_user(make_member(pair.seller, Role.VIEWER))

    for name in ("partner_settings", "partner_rules", "partner_automatic"):
        assert owner_side.post(url(name, pair)).status_code == 404
        assert viewer.post(url(name, pair)).status_code == 403


# --- orders for partners' stores -------------------------------------------------------------------------


def test_the_list_shows_each_order_with_its_push_status(pair, seller):
    pair.paid(("BOWL", 1, "30.00"))
    pushed = pair.paid(("MUG", 1, "10.00"))
    pair.push(pushed)

    page = text(seller, reverse("orders:partner_orders"))

    assert page.count("Not pushed") == 1
    assert page.count('<span class="badge ok">Pushed</span>') == 1
    assert "Waiting until you push it." in page


def test_of_two_stores_one_pushed_is_partially_pushed(pair, seller):
    from tests.orders.services.partnered import make_partnership

    second = make_connection(make_merchant(name="Rimu"), name="Rimu Shopify")
    make_partnership(pair.seller, second, shared=("VASE",))
    order = pair.paid(("BOWL", 1, "30.00"), ("RUG", 1, "5.00"))
    other = pair.place(("BOWL", 1, "30.00"), ("VASE", 1, "20.00"))

    assert {push.connection.name for push in other.pushes.all()} == {"Atua Ceramics", "Rimu"}
    other.pushes.filter(connection=pair.connection).update(
        status=PushStatus.PUSHED, wait_for="", remote_id="x", remote_name="#9", pushed_at=NOON
    )
    page = text(seller, reverse("orders:partner_orders"))
    assert page.count("Partially pushed") == 1
    assert order.number in page


def test_an_order_is_pushed_with_a_typed_shipping_cost(pair, seller):
    order = pair.paid(("BOWL", 1, "30.00"))
    door = reverse("orders:partner_push", args=[pair.push_of(order).public_id])

    response = seller.post(door, {"shipping": "4.50"})

    push = pair.push_of(order)
    assert (response.status_code, push.status, push.total) == (302, PushStatus.QUEUED, Decimal("34.50"))


def test_a_cost_that_cannot_be_is_shown_beside_its_field(pair, seller):
    order = pair.paid(("BOWL", 1, "30.00"))
    door = reverse("orders:partner_push", args=[pair.push_of(order).public_id])

    response = seller.post(door, {"shipping": "4.505"})

    page = response.content.decode()
    assert response.status_code == 422
    assert 'value="4.505"' in page
    assert "no more than 2 decimal places" in page
    assert pair.push_of(order).status == PushStatus.WAITING


def test_a_cost_of_a_slipped_decimal_point_is_shown_beside_its_field_too(pair, seller):
    order = pair.paid(("BOWL", 1, "30.00"))

    response = seller.post(reverse("orders:partner_push", args=[pair.push_of(order).public_id]), {"shipping": "450"})

    assert response.status_code == 422
    assert "more than 10 times" in str(response.context["form"].errors["shipping"])


def test_a_refusal_leaves_one_on_the_page_that_it_came_from(pair, seller, monkeypatch):
    monkeypatch.setattr("orders.views.partner_orders.SHOWN_AT_ONCE", 1)
    older, _ = pair.paid(("BOWL", 1, "30.00"), placed_at=NOON - timedelta(days=1)), pair.paid(("BOWL", 1, "30.00"))
    door = reverse("orders:partner_push", args=[pair.push_of(older).public_id])
    assert 'name="page" value="2"' in text(seller, reverse("orders:partner_orders") + "?page=2")

    refused = seller.post(door, {"shipping": "4.505", "page": "2"})
    done = seller.post(door, {"shipping": "4.50", "page": "2"})

    assert [row["order"] for row in refused.context["rows"]] == [older]
    assert 'value="4.505"' in refused.content.decode()
    assert done["Location"] == reverse("orders:partner_orders") + "?page=2"


def test_refused_from_the_order_s_page_what_was_typed_is_shown_wherever_the_order_stands(pair, seller, monkeypatch):
    monkeypatch.setattr("orders.views.partner_orders.SHOWN_AT_ONCE", 1)
    older, newer = pair.paid(("BOWL", 1, "30.00"), placed_at=NOON - timedelta(days=1)), pair.paid(("BOWL", 1, "30.00"))
    door = reverse("orders:partner_push", args=[pair.push_of(older).public_id])

    refused = seller.post(door, {"shipping": "4.505", "from": "order"})

    page = refused.content.decode()
    assert [row["order"] for row in refused.context["rows"]] == [older, newer]
    assert 'value="4.505"' in page
    assert page.count('name="from" value="order"') == 1
    again = seller.post(door, {"shipping": "4.50", "from": "order"})
    assert again["Location"] == reverse("orders:detail", args=[older.public_id])


def test_the_order_s_page_offers_the_same(pair, seller):
    order = pair.paid(("BOWL", 1, "30.00"))

    page = text(seller, reverse("orders:detail", args=[order.public_id]))

    assert reverse("orders:partner_push", args=[pair.push_of(order).public_id]) in page
    assert reverse("orders:mark", args=[order.public_id]) not in page


def test_the_switch_at_the_top_makes_a_link_automatic_and_back(pair, seller):
    assert "Automatic: Atua Ceramics" in text(seller, reverse("orders:partner_orders"))

    seller.post(url("partner_automatic", pair), {"on": "1"})
    assert 'aria-checked="true">Automatic: Atua Ceramics' in text(seller, reverse("orders:partner_orders"))
    seller.post(url("partner_automatic", pair), {"on": "0"})

    assert pair.partnership.settings.automatic is False


def test_a_viewer_sees_the_list_and_pushes_nothing(pair):
    order = pair.paid(("BOWL", 1, "30.00"))
    viewer = as_user(make_member(pair.seller, Role.VIEWER))

    assert "Not pushed" in text(viewer, reverse("orders:partner_orders"))
    door = reverse("orders:partner_push", args=[pair.push_of(order).public_id])
    assert door not in text(viewer, reverse("orders:partner_orders"))
    assert viewer.post(door).status_code == 403


def test_an_empty_list_says_what_will_be_there(pair, seller):
    assert "No orders for partners yet" in text(seller, reverse("orders:partner_orders"))


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_takes_a_fixed_number_of_queries(pair, seller, count, django_assert_num_queries):
    for _ in range(count):
        pair.paid(("BOWL", 1, "30.00"))
    seller.get(reverse("orders:partner_orders"))

    with django_assert_num_queries(ORDER_LIST_QUERIES):
        seller.get(reverse("orders:partner_orders"))


ORDER_LIST_QUERIES = 14


# --- orders to ship for partners -------------------------------------------------------------------------


def test_the_source_sees_what_to_send_and_where_to_and_nothing_besides(pair, owner_side):
    pair.rules(("0", "5.00"))
    order = pair.paid(("BOWL", 2, "30.00"), ("RUG", 1, "100.00"))
    pair.push(order)

    page = text(owner_side, reverse("orders:partner_shipments"))

    for shown in ("Bowl", "12 Ponsonby Road", f"Tag: Kauri &amp; Clay {order.number}", "$65.00", "Unfulfilled"):
        assert shown in page
    for hidden in (
        "harriet@example.com",
        "gate code",
        "Rug",
        "PO-77",
        "1 Secret Lane",
        "172.00",
        "100.00",
        order.public_id,
    ):
        assert hidden not in page


def test_what_was_sent_is_shown_with_its_parcels(pair, owner_side):
    order = pair.paid(("BOWL", 1, "30.00"))
    push = pair.push(order)
    pair.remote.fulfill(push.remote_id, parcels=[Parcel("NZ Post", "NZ1")])
    pair.pull(order)

    page = text(owner_side, reverse("orders:partner_shipments"))
    assert "Fulfilled" in page
    assert "NZ Post NZ1" in page


def test_an_order_that_is_not_pushed_is_not_there_yet(pair, owner_side):
    order = pair.paid(("BOWL", 1, "30.00"))

    page = text(owner_side, reverse("orders:partner_shipments"))

    assert "Nothing to ship for partners" in page
    assert order.number not in page


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_of_what_to_ship_takes_a_fixed_number_of_queries(pair, owner_side, count, django_assert_num_queries):
    for _ in range(count):
        pair.push(pair.paid(("BOWL", 1, "30.00")))
    owner_side.get(reverse("orders:partner_shipments"))

    with django_assert_num_queries(SHIPMENT_QUERIES):
        owner_side.get(reverse("orders:partner_shipments"))


SHIPMENT_QUERIES = 15


# --- neither sees what is the other's ----------------------------------------------------------------------


def test_the_destination_sees_no_page_of_the_source_s_connection(pair, seller):
    for connection in (pair.store, pair.connection):
        for name in ("connectors:detail", "connectors:calls", "connectors:reconnect", "connectors:disconnect"):
            assert seller.get(reverse(name, args=[connection.public_id])).status_code == 404
        for name in ("connectors:test", "connectors:webhooks", "connectors:pause"):
            assert seller.post(reverse(name, args=[connection.public_id])).status_code == 404
        for name in ("orders:order_data", "orders:store_channel"):
            for ask in (seller.get, seller.post):
                assert ask(reverse(name, args=[connection.public_id])).status_code == 404
    assert "Atua" not in text(seller, reverse("connectors:list"))


def test_no_page_of_the_destination_names_the_source_s_shop(pair, seller):
    order = pair.paid(("BOWL", 1, "30.00"))
    push = pair.push(order)
    pages = [
        reverse("orders:detail", args=[order.public_id]),
        reverse("orders:partner_orders"),
        url("partner", pair),
        reverse("orders:partners"),
        reverse("orders:links"),
        reverse("orders:routing"),
    ]

    for page in pages:
        shown = text(seller, page)
        assert "atua-secret" not in shown
        assert "shpat" not in shown
    preview = seller.get(reverse("orders:push_preview", args=[push.public_id]))
    assert "atua-secret" not in preview.content.decode()
    assert "shpat" not in preview.content.decode()


def test_the_source_sees_no_order_push_or_link_of_the_destination(pair, owner_side):
    order = pair.paid(("BOWL", 1, "30.00"))
    push = pair.push(order)

    assert owner_side.get(reverse("orders:detail", args=[order.public_id])).status_code == 404
    assert owner_side.get(reverse("orders:push_preview", args=[push.public_id])).status_code == 404
    assert owner_side.post(reverse("orders:partner_push", args=[push.public_id])).status_code == 404
    assert owner_side.post(reverse("orders:push_retry", args=[push.public_id])).status_code == 404
    assert owner_side.get(reverse("orders:link_sku", args=[pair.connection.public_id])).status_code == 404
    assert order.number not in text(owner_side, reverse("orders:list"))


def test_a_stranger_sees_nothing_of_either(pair):
    order = pair.paid(("BOWL", 1, "30.00"))
    stranger = as_user(make_member(make_merchant()))

    for name in ("partner", "partner_revoke"):
        assert stranger.get(url(name, pair)).status_code == 404
    for name in ("partner_accept", "partner_decline", "partner_settings", "partner_share", "partner_automatic"):
        assert stranger.post(url(name, pair)).status_code == 404
    assert stranger.post(reverse("orders:partner_push", args=[pair.push_of(order).public_id])).status_code == 404
    assert "Atua" not in text(stranger, reverse("orders:partners"))
    assert "Nothing to ship" in text(stranger, reverse("orders:partner_shipments"))


def test_a_partner_s_store_cannot_be_the_default_destination(pair, seller):
    page = seller.post(reverse("orders:routing_default"), {"default": pair.connection.public_id}, follow=True)

    assert "Choose one of your stores." in page.content.decode()
    assert not Connection.objects.get(pk=pair.connection.pk).is_default


# --- the plan ----------------------------------------------------------------------------------------------


def test_without_the_add_on_there_is_no_tab_and_no_list():
    pair = make_partnered(addon=False)
    client = as_user(pair.person)

    assert ">For partners<" not in text(client, reverse("orders:list"))
    assert client.get(reverse("orders:partner_orders")).status_code == 404


def test_an_owner_switches_it_on_and_the_tab_is_there():
    pair = make_partnered(addon=False)
    client = as_user(pair.person)

    client.post(reverse("orders:plan"), {"orders_addon": "1"})

    assert Plan.objects.get().orders_addon
    assert ">For partners<" in text(client, reverse("orders:list"))
    assert 'aria-checked="true"' in text(client, reverse("orders:plan"))


def test_the_plan_says_how_many_orders_wait_for_it():
    pair = make_partnered(addon=False)
    pair.settings(automatic=True)
    pair.paid(("BOWL", 1, "30.00"))

    assert "1 order waiting for this." in text(as_user(pair.person), reverse("orders:plan"))


@pytest.mark.parametrize("role", [Role.MANAGER, Role.VIEWER])
def test_only_an_owner_sees_and_changes_the_plan(pair, role):
    client = as_user(make_member(pair.seller, role))

    assert client.get(reverse("orders:plan")).status_code == 403
    assert client.post(reverse("orders:plan"), {"orders_addon": "0"}).status_code == 403
