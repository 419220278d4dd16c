"""The set-up of a store in steps: each saves, leads on, and can be left."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection as database
from django.test import Client

from accounts.models import AuditEvent, Merchant, Role
from connectors.models import Connection, SyncSettings, UnlinkedSku
from tests.connectors.views.pages import said, url
from tests.connectors.wire import ShopOnTheWire
from tests.factories import NOON, make_connection, make_member, make_merchant

pytestmark = pytest.mark.django_db


def step(row: Connection, name: str) -> str:
    return url("start_step", row, name)


def done(row: Connection) -> list[str]:
    return SyncSettings.objects.get(connection=row).setup_done


def test_the_connections_page_leads_to_the_steps_until_they_are_done(page: Client, row: Connection):
    assert url("start", row) in said(page, url("detail", row))

    SyncSettings.objects.update(setup_done=["connection", "orders", "products"])

    assert url("start", row) not in said(page, url("detail", row))


def test_the_store_is_tested_and_answers_in_plain_words(page: Client, row: Connection, store: ShopOnTheWire):
    response = page.post(step(row, "connection"), follow=True)

    assert response.redirect_chain[-1][0] == step(row, "orders")
    assert "answered. Its currency is NZD." in response.content.decode()
    assert done(row) == ["connection"]


def test_a_store_that_does_not_answer_keeps_the_step_and_says_why(page: Client, row: Connection, store: ShopOnTheWire):
    store.status = 401

    response = page.post(step(row, "connection"))

    assert response.status_code == 422
    assert "did not answer as it should" in response.content.decode()
    assert done(row) == []


def test_order_sync_is_saved_and_audited(page: Client, row: Connection):
    response = page.post(step(row, "orders"), {})

    assert response["Location"] == step(row, "products")
    assert not SyncSettings.objects.get().sync_orders
    assert AuditEvent.objects.get(kind="connection.settings").data == {"sync_orders": False}


def test_products_that_are_not_linked_are_counted(page: Client, row: Connection):
    UnlinkedSku.objects.create(connection=row, sku="A", reason="gone", seen_at=NOON)

    assert "1 SKU of orders is not linked." in " ".join(said(page, step(row, "products")).split())


def test_the_last_step_ends_on_the_connections_page(page: Client, row: Connection):
    SyncSettings.objects.update(setup_done=["connection", "orders"])

    response = page.post(step(row, "products"))

    assert response["Location"] == url("detail", row)
    assert done(row) == ["connection", "orders", "products"]


def test_it_is_gone_on_with_where_it_was_left(page: Client, row: Connection):
    SyncSettings.objects.update(setup_done=["connection"])

    assert page.get(url("start", row))["Location"] == step(row, "orders")


def test_a_step_that_there_is_not_and_a_supplier_have_no_page(page: Client, row: Connection, merchant: Merchant):
    supplier = make_connection(merchant, platform="ssactivewear")

    assert page.get(step(row, "lunch")).status_code == 404
    assert page.get(url("start", supplier)).status_code == 404


def test_a_viewer_and_a_stranger_set_nothing_up(client: Client, row: Connection, merchant: Merchant):
    client.force_login(make_member(merchant, Role.VIEWER))
    assert client.post(step(row, "orders"), {}).status_code == 403
    assert url("start", row) not in said(client, url("detail", row))

    client.force_login(make_member(make_merchant(), Role.OWNER))
    assert client.get(step(row, "orders")).status_code == 404


def test_stores_that_were_there_before_count_as_set_up(row: Connection):
    migration = import_module("connectors.migrations.0020_set_up_of_stores")

    migration.finish_what_is_there(apps, database.schema_editor())

    assert done(row) == ["connection", "orders", "products"]
