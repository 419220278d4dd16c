"""The orders that a supplier made of one push."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from django.urls import reverse

from connectors.base import Parcel, PartStatus, RemotePart
from orders.enums import SupplierPartStatus, Topic
from orders.models import PushPart
from tests.factories import make_member
from tests.orders.services.pushed import make_pushed

pytestmark = pytest.mark.django_db

IL = RemotePart("7001", "IL", expected_on=date(2026, 11, 27))
KS = RemotePart("7002", "KS")


@pytest.fixture
def pushed():
    return make_pushed()


def tell(pushed, *parts: RemotePart) -> None:
    pushed.store.change(pushed.push.remote_id, parts=parts)
    pushed.pull()


def rows() -> list[tuple]:
    return list(PushPart.objects.order_by("number").values_list("number", "warehouse", "status", "tracking"))


def test_each_is_written_down_when_it_is_read(pushed):
    tell(pushed, IL, KS)

    assert rows() == [("7001", "IL", "open", []), ("7002", "KS", "open", [])]
    assert PushPart.objects.get(number="7001").expected_on == date(2026, 11, 27)


def test_what_changes_there_changes_here(pushed):
    tell(pushed, IL, KS)
    tell(pushed, replace(IL, status=PartStatus.SHIPPED, tracking=("1Z1",)), replace(KS, status=PartStatus.CANCELLED))

    assert rows() == [("7001", "IL", "shipped", ["1Z1"]), ("7002", "KS", "cancelled", [])]


def test_what_is_not_there_any_more_is_not_here(pushed):
    tell(pushed, IL, KS)
    tell(pushed, KS)

    assert [row[0] for row in rows()] == ["7002"]


def test_an_older_read_changes_nothing(pushed):
    tell(pushed, IL)
    old = pushed.remote
    tell(pushed, replace(IL, status=PartStatus.SHIPPED))
    pushed.record(old)

    assert rows()[0][2] == "shipped"


def test_a_read_that_tells_none_leaves_them(pushed):
    tell(pushed, IL)
    pushed.store.change(pushed.push.remote_id, parts=None)
    pushed.pull()

    assert len(rows()) == 1


def test_the_customer_is_told_of_each_parcel_once(pushed):
    tell(pushed, IL, KS)
    for number, sku in (("1Z1", "A"), ("1Z2", "B")):
        pushed.store.fulfill(pushed.push.remote_id, {sku: 1}, [Parcel("UPS", number)])
        pushed.pull()
        pushed.pull()
    pushed.drain()

    told = pushed.history("customer.told")
    assert told == ["Told the customer by e-mail: 1Z1.", "Told the customer by e-mail: 1Z2."]
    assert len(pushed.promised(Topic.TELL_CUSTOMER)) == 2


def test_the_order_s_page_shows_them(pushed, client):
    tell(pushed, replace(IL, tracking=("1Z1",)))
    client.force_login(make_member(pushed.order.merchant))

    shown = client.get(reverse("orders:detail", args=[pushed.order.public_id])).content.decode()

    assert all(text in shown for text in ("7001", "IL", "1Z1", "27 Nov"))


def test_the_words_for_a_part_s_status_are_the_driver_s():
    assert set(SupplierPartStatus.values) == {status.value for status in PartStatus}
