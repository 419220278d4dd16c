"""What the tests of the connection pages share: addresses, reading a page, rows to show."""

from __future__ import annotations

from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from connectors.models import CallLog, Connection, LinkSource, ProductLink
from tests.factories import NOON

HOSTILE = "<script>alert('x')</script>"


def url(name: str, row: Connection, *args) -> str:
    return reverse(f"connectors:{name}", args=[row.public_id, *args])


def said(page: Client, path: str, posted: dict | None = None) -> str:
    """What a person reads in the end."""
    response = page.get(path) if posted is None else page.post(path, posted, follow=True)
    return response.content.decode()


def errors(response, name: str) -> list[str]:
    return list(response.context["form"].errors.get(name, []))


def queries(page: Client, path: str) -> int:
    page.get(path)
    with CaptureQueriesContext(database) as counted:
        page.get(path)
    return len(counted)


def logged(row: Connection, **fields) -> CallLog:
    given = {"at": NOON, "method": "POST", "url": row.base_url, "outcome": "ok", "duration_ms": 7, "status": 200}
    return CallLog.objects.create(connection=row, **{**given, **fields})


def linked(row: Connection, **fields) -> ProductLink:
    given = {"sku": "A", "variant_id": "1", "source": LinkSource.HAND, "checked_at": NOON}
    return ProductLink.objects.create(connection=row, **{**given, **fields})
