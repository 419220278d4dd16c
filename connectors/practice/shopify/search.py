"""Ids, search terms and pages, as Shopify understands them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.dateparse import parse_datetime
from graphql import GraphQLError

LIST_LIMIT = 250  # arguments and pages

_TERM = re.compile(r"(\w+):(>=|<=|>|<)?(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"|([^\s()]+))")
_GID = re.compile(r"gid://shopify/([A-Za-z]+)/([0-9]{1,18})(?:\?.*)?")
_LOOKUPS = {">=": "gte", "<=": "lte", ">": "gt", "<": "lt", "": "gte"}


def number_of(gid: str, kind: str) -> int | None:
    """The number in a gid of this kind; None for another kind. Raises for what is no gid, as Shopify does."""
    match = _GID.fullmatch(gid)
    if match is None:
        raise GraphQLError("invalid id", extensions={"code": "RESOURCE_NOT_FOUND"})
    return int(match[2]) if match[1] == kind else None


def terms(query: str | None) -> list[tuple[str, str, str]]:
    """The (name, operator, value) of each term of a search."""
    found = []
    for match in _TERM.finditer(query or ""):
        value = next(part for part in (match[3], match[4], match[5]) if part is not None)
        found.append((match[1], match[2] or "", re.sub(r"\\(.)", r"\1", value)))
    return found


def order_filter(query: str | None) -> Q:
    """What the index can tell by columns. Names that it does not know do not filter, as at Shopify."""
    wanted = Q()
    for name, operator, value in terms(query):
        if name == "source_identifier":
            wanted &= Q(source_identifier__iexact=value)
        elif name == "name":
            wanted &= Q(name=f"#{value.lstrip('#')}")
        elif name in ("updated_at", "created_at") and (edge := _moment(value)):
            wanted &= Q(**{f"{name}__{_LOOKUPS[operator]}": edge})
    return wanted


def has_tags(tags: Sequence[str], query: str | None) -> bool:
    wanted = {value.lower() for name, _, value in terms(query) if name == "tag"}
    return wanted <= {tag.lower() for tag in tags}


def finds_sku(sku: str, query: str | None) -> bool:
    """A search ignores case and splits words, so it also finds what is not meant."""
    wanted = [value.lower() for name, _, value in terms(query) if name == "sku"]
    words = re.split(r"[^a-z0-9]+", sku.lower())
    return not wanted or any(value in sku.lower() or value in words for value in wanted)


def page(
    rows: list[dict[str, Any]], first: int | None = None, after: str | None = None, **others: Any
) -> dict[str, Any]:
    """One page of a connection, forwards."""
    if first is None or others.get("last") is not None or others.get("before") is not None:
        text = "you must provide one of first or last" if first is None else "a practice store pages forwards only"
        raise GraphQLError(text, extensions={"code": "BAD_REQUEST"})
    if not 0 < first <= LIST_LIMIT:
        text = f"first must be between 1 and {LIST_LIMIT}"
        raise GraphQLError(text, extensions={"code": "BAD_REQUEST"})
    start = _position(after)
    cut = rows[start : start + first]
    info = {
        "hasNextPage": start + first < len(rows),
        "hasPreviousPage": start > 0,
        "startCursor": _cursor(start + 1) if cut else None,
        "endCursor": _cursor(start + len(cut)) if cut else None,
    }
    return {"nodes": cut, "pageInfo": info}


def _cursor(position: int) -> str:
    return base64.b64encode(f"practice:{position}".encode()).decode()


def _position(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        return int(base64.b64decode(cursor, validate=True).decode().removeprefix("practice:"))
    except (binascii.Error, ValueError):
        raise GraphQLError("Invalid cursor for current pagination sort.", extensions={"code": "BAD_REQUEST"}) from None


def _moment(value: str) -> datetime | None:
    """The time in a search; None when it is none or names no zone."""
    try:
        moment = parse_datetime(value)
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None
