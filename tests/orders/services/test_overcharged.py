"""An order that was edited in its store to more than was paid needs a person, until the store or the person settles it."""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from orders.enums import OrderStatus, Topic
from orders.errors import TransitionNotAllowed
from orders.models import Order, OrderPush
from orders.services import looks, overcharged
from tests.factories import NOON, make_connection, make_member, make_merchant
from tests.orders.api.test_partners import send
from tests.orders.services.pushed import Pushed, make_pushed

pytestmark = pytest.mark.django_db


def edited(by: int = 5, **fields) -> Pushed:
    pushed = make_pushed(**fields)
    edit(pushed, by)
    return pushed


def edit(pushed: Pushed, by: int) -> None:
    pushed.store.clock.advance(60)
    pushed.store.change(pushed.push.remote_id, total=pushed.order.total + by)
    pushed.pull()


def needs_look(pushed: Pushed) -> bool:
    """As the row has it, and as it would be reckoned anew."""
    kept = Order.objects.get(pk=pushed.order.pk).needs_look
    assert Order.objects.filter(looks.needs_look(), pk=pushed.order.pk).exists() == kept
    return kept


def test_more_than_was_paid_needs_a_look_and_says_what_to_do():
    pushed = edited()

    assert (overcharged.of(pushed.push), needs_look(pushed)) == (Decimal(5), True)
    (text,) = pushed.history("push.changed_in_store")
    assert text.endswith(
        "The customer paid 45.00 NZD; no money has moved here. Correct it there, or have the customer pay the rest, "
        "then say so on the order's page."
    )
    assert len(pushed.promised(Topic.TELL_MERCHANT)) == 1


def test_corrected_there_it_goes_away_by_itself():
    pushed = edited()

    edit(pushed, 0)

    assert (overcharged.of(pushed.push), needs_look(pushed)) == (0, False)


def test_dealt_with_it_is_no_task_and_a_later_edit_is_one_again():
    pushed = edited()

    overcharged.settle(push_id=pushed.push.pk, by="ana", at=NOON)
    assert not needs_look(pushed)
    assert pushed.history("push.total_settled") == [
        "ana has dealt with the 5.00 NZD that #1001 is more in Kauri Shopify."
    ]
    with pytest.raises(TransitionNotAllowed):
        overcharged.settle(push_id=pushed.push.pk, by="ana", at=NOON)

    edit(pushed, 9)
    assert (overcharged.of(pushed.push), needs_look(pushed)) == (Decimal(9), True)


def test_less_than_was_paid_is_another_matter():
    pushed = edited(-5)

    assert overcharged.of(pushed.push) == 0
    assert pushed.history("push.changed_in_store")[0].endswith("no money has moved here.")


def test_what_a_supplier_costs_is_compared_with_nothing():
    pushed = edited(connection=make_connection(name="S&S", platform="ssactivewear", created_at=NOON))

    assert (overcharged.of(pushed.push), needs_look(pushed)) == (0, False)


def test_an_order_that_is_over_asks_for_nothing():
    pushed = edited()
    Order.objects.update(status=OrderStatus.CANCELLED)
    push = OrderPush.objects.get()

    looks.refresh(pushed.order.pk)

    assert (overcharged.of(push), needs_look(pushed)) == (0, False)


def test_what_stood_so_before_is_looked_at_too():
    pushed = edited()
    Order.objects.update(needs_look=False)

    backfill = import_module("orders.migrations.0031_totals_above_what_was_paid")
    backfill.look(apps, connection.schema_editor())

    assert needs_look(pushed)


# --- doors -------------------------------------------------------------------------------------------


def test_the_page_says_it_and_takes_that_it_is_dealt_with():
    pushed = edited()
    client = Client()
    client.force_login(make_member(pushed.order.merchant))
    address = reverse("orders:detail", args=[pushed.order.public_id])

    page = client.get(address).content.decode()
    assert f'id="more-{pushed.push.public_id}"' in page
    assert "more than was paid" in page
    assert client.post(reverse("orders:push_settle_total", args=[pushed.push.public_id])).status_code == 302

    assert f'id="more-{pushed.push.public_id}"' not in client.get(address).content.decode()


def test_the_api_tells_of_it_and_takes_that_it_is_dealt_with():
    pushed = edited()
    shown = send(pushed.order.merchant, "GET", f"orders/{pushed.order.public_id}/").json()
    assert (shown["needs_look"], shown["pushes"][0]["holds_more"]) == (True, "5.00")

    settled = send(pushed.order.merchant, "POST", f"pushes/{pushed.push.public_id}/settle-total/").json()

    assert (settled["needs_look"], settled["pushes"][0]["holds_more"]) == (False, None)
    again = send(pushed.order.merchant, "POST", f"pushes/{pushed.push.public_id}/settle-total/")
    assert (again.status_code, again.json()["code"]) == (409, "transition_not_allowed")


def test_a_stranger_and_a_viewer_settle_nothing():
    pushed = edited()
    statuses = []
    for user in (make_member(pushed.order.merchant, Role.VIEWER), make_member(make_merchant())):
        client = Client()
        client.force_login(user)
        statuses.append(client.post(reverse("orders:push_settle_total", args=[pushed.push.public_id])).status_code)
    strange = send(make_merchant(), "POST", f"pushes/{pushed.push.public_id}/settle-total/")

    assert (statuses, strange.status_code, needs_look(pushed)) == ([403, 404], 404, True)
