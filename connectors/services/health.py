"""How a connection is doing, in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from connectors.models import Connection, ConnectionState

Tone = Literal["ok", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Health:
    tone: Tone
    headline: str
    detail: str


def of(connection: Connection, *, at: datetime) -> Health:
    """The one thing to know first."""
    match connection.state:
        case ConnectionState.AUTH_LOST:
            return Health("bad", "Needs reconnecting", connection.state_reason)
        case ConnectionState.PAUSED:
            return Health("warn", "Paused", connection.state_reason)
        case ConnectionState.REMOVED:
            return Health("bad", "Disconnected", connection.state_reason)
    if connection.open_until and connection.open_until > at:
        if connection.breaker_opened:
            return Health("bad", "Not answering", f"We try again at {connection.open_until:%H:%M} UTC.")
        return Health("warn", "Slowed down by the store", "It asked us to wait a moment.")
    if connection.last_failure_at and (
        not connection.last_success_at or connection.last_failure_at > connection.last_success_at
    ):
        return Health("warn", "Last call failed", connection.last_error or "It is tried again by itself.")
    return Health("ok", "Connected", "")
