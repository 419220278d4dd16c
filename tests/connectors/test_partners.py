"""Partnerships as rows: what the database refuses, what is noted, what ends them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import AuditEvent, Merchant
from accounts.services.addresses import own_address
from connectors.models import (
    ClearedCondition,
    Connection,
    Partnership,
    PartnershipState,
    Plan,
    Side,
)
from connectors.services import connections, partner_products, partner_settings, partners, plans
from connectors.services.partners import PartnerRefused
from tests.factories import NOON, make_connection, make_member, make_merchant
from tests.orders.services.partnered import make_partnership

pytestmark = pytest.mark.django_db


@pytest.fixture
def store() -> Connection:
    return make_connection(make_merchant(name="Atua", slug="atua"))


@pytest.fixture
def seller() -> Merchant:
    return make_merchant(name="Kauri")


@pytest.fixture
def row(seller, store) -> Partnership:
    return make_partnership(seller, store)


def test_one_store_is_there_once_for_one_destination(row, seller, store):
    asked = partners.invite(merchant_id=seller.pk, side=Side.DESTINATION, whom="atua", by="ana", at=NOON)

    with pytest.raises(PartnerRefused, match="works with"):
        partners.accept(
            partnership_id=asked.pk, merchant_id=store.merchant_id, connection_id=store.pk, by="mia", at=NOON
        )


def test_a_second_store_of_the_same_merchant_is_possible(row, seller, store):
    second = make_partnership(seller, make_connection(store.merchant))

    assert second.state == PartnershipState.ACCEPTED


def test_an_address_is_mailed_once_an_hour(seller, store):
    ask = {"merchant_id": seller.pk, "side": Side.DESTINATION, "whom": "Mia@atua.example", "by": "ana"}
    partners.invite(**ask, at=NOON)

    with pytest.raises(partners.PartnerRefused, match="less than an hour ago") as refused:
        partners.invite(**ask, at=NOON + timedelta(minutes=59))
    again = partners.invite(**ask, at=NOON + timedelta(minutes=61))

    assert (refused.value.field, again.state) == ("whom", "invited")


def test_a_merchant_asks_no_more_than_fifty_in_a_day(seller, store):
    ask = {"merchant_id": seller.pk, "side": Side.DESTINATION, "by": "ana"}
    for number in range(50):
        partners.invite(**ask, whom=f"mia{number}@atua.example", at=NOON)

    with pytest.raises(partners.PartnerRefused, match="tomorrow"):
        partners.invite(**ask, whom="atua", at=NOON + timedelta(hours=23))
    partners.invite(**ask, whom="atua", at=NOON + timedelta(hours=25))


def test_the_same_question_again_replaces_the_one_before(seller, store):
    for _ in range(2):
        partners.invite(merchant_id=seller.pk, side=Side.DESTINATION, whom="atua", by="ana", at=NOON)

    assert list(Partnership.objects.order_by("pk").values_list("state", flat=True)) == ["revoked", "invited"]


def test_suppliers_and_partners_stores_are_not_offered(row, seller, store):
    make_connection(store.merchant, platform="ssactivewear")

    assert partners.offered_stores(store.merchant) == [store]
    assert partners.offered_stores(seller) == []


def test_both_sides_have_it_in_their_audit(row, seller, store):
    for merchant in (seller, store.merchant):
        assert AuditEvent.objects.filter(merchant=merchant, kind="partnership.accepted").count() == 1
    kinds = AuditEvent.objects.filter(merchant=seller).order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["partnership.invited", "partnership.accepted", "partnership.shared"]


def test_no_audit_line_holds_an_access_token(row):
    assert "shpat" not in str(list(AuditEvent.objects.values_list("data", "subject")))


def test_a_first_store_of_ones_own_is_the_default_although_there_is_a_partner(row, seller):
    from connectors.base import ShopInfo

    shop = ShopInfo("1", "Kauri", "kauri.example", "NZD")
    mine = connections.connect(
        merchant_id=seller.pk, platform="shopify", name="", base_url="https://kauri.example", credentials={},
        webhook_secrets=[], shop=shop, by="ana", at=NOON,
    )  # fmt: skip

    assert mine.is_default


def test_sharing_again_is_harmless_and_wakes_what_waits(row):
    from connectors.base import RemoteVariant

    ClearedCondition.objects.all().delete()
    variants = [RemoteVariant("variant-BOWL", "BOWL", "Bowl")]

    count = partner_products.share(partnership_id=row.pk, variants=variants, by="mia", at=NOON)

    assert count == 2
    keys = set(ClearedCondition.objects.values_list("key", flat=True))
    assert f"sku:{row.connection_id}:BOWL" in keys


def test_nothing_is_shared_once_it_has_ended(row, store):
    partners.revoke(partnership_id=row.pk, merchant_id=store.merchant_id, by="mia", at=NOON)

    with pytest.raises(PartnerRefused):
        partner_products.share(partnership_id=row.pk, variants=[], by="mia", at=NOON)
    with pytest.raises(PartnerRefused):
        partner_settings.save(partnership_id=row.pk, by="ana", at=NOON, automatic=True)


def test_typed_skus_are_taken_one_a_line_or_between_commas():
    assert partner_products.sku_list(" A,B\n\nC \nA") == ["A", "B", "C"]


@pytest.mark.parametrize(("items", "costs"), [("99.99", "0"), ("100", "10"), ("250", "10"), ("300", "0")])
def test_shipping_costs_what_the_highest_reached_threshold_says(row, items, costs):
    rules = [
        partner_settings.Threshold(Decimal(100), Decimal(10)),
        partner_settings.Threshold(Decimal(300), Decimal(0)),
    ]
    partner_settings.replace_rules(partnership_id=row.pk, rules=rules, by="ana", at=NOON)

    assert partner_settings.shipping_for(row.connection, Decimal(items), "NZD") == Decimal(costs)


def test_another_address_goes_with_its_choice_and_leaves_with_it(row):
    chosen = partner_settings.save(
        partnership_id=row.pk, by="ana", at=NOON, email_policy="other", other_email="a@b.example"
    )
    assert chosen.other_email == "a@b.example"

    assert partner_settings.save(partnership_id=row.pk, by="ana", at=NOON, email_policy="own").other_email == ""


def test_our_own_address_is_the_first_alert_address_else_the_owner_s(row, seller):
    make_member(seller, email="ana@kauri.example")
    assert own_address(seller) == "ana@kauri.example"

    seller.alert_addresses = ["no address", "orders@kauri.example"]
    assert own_address(seller) == "orders@kauri.example"


def test_the_add_on_is_off_until_it_is_switched_on_and_every_switch_is_audited(seller):
    assert not plans.has_orders_addon(seller.pk)

    for on in (True, True, False):
        plans.set_orders_addon(merchant_id=seller.pk, on=on, by="ana", at=NOON)

    assert Plan.objects.get().orders_addon is False
    data = AuditEvent.objects.filter(kind="plan.orders_addon").order_by("pk").values_list("data", flat=True)
    assert [row["on"] for row in data] == [True, False]
