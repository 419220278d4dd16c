"""The sample orders in demo_orders/, fresh: placed and authorized just before `at`."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "demo_orders"


def names() -> list[str]:
    return sorted(path.stem for path in _FOLDER.glob("*.json"))


def load(name: str, *, at: datetime | None = None, suffix: str = "", **fields: Any) -> dict[str, Any]:
    """One body. `suffix` makes its ids new; `fields` replaces whole fields; `at` moves its times to now."""
    body: dict[str, Any] = json.loads(_text(name))
    if suffix:
        body["external_id"] += suffix
        body["number"] += suffix
        body["payment"]["reference"] += suffix
    if at is not None:
        body["placed_at"] = body["payment"]["authorized_at"] = (at - timedelta(minutes=2)).isoformat()
        body["payment"]["expires_at"] = (at + timedelta(days=7)).isoformat()
    return body | fields


@cache
def _text(name: str) -> str:
    return (_FOLDER / f"{name}.json").read_text(encoding="utf-8")
