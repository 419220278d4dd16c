"""Queries in Shopify's search syntax. The index they ask lags behind the shop; an unknown filter is ignored."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime


def skus(wanted: Iterable[str]) -> str:
    return " OR ".join(f"sku:{_quoted(sku)}" for sku in wanted)


def identified(reference: str) -> str:
    return f"source_identifier:{_quoted(reference)}"


def tagged(reference: str, *, since: datetime) -> str:
    return f"tag:{_quoted(reference)} AND created_at:>={_quoted(time(since))}"


def changed(since: str) -> str:
    """`since` as Shopify or `time` writes it."""
    return f"updated_at:>={_quoted(since)}"


def time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
