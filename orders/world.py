"""What the protocol touches of the outside: the clock, the drivers, the gateways and chance.

Workers use the real one; the simulator hands in a virtual one and drives the very same code.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from django.db import connection as database
from django.utils import timezone

from connectors.base import Connector
from connectors.carriers.base import Carrier
from connectors.gateway import registry as gateways
from connectors.gateway.base import Gateway
from connectors.models import CarrierAccount, Connection
from connectors.services.carriers import carrier_for
from connectors.services.clients import connector_for


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware UTC."""


class DatabaseClock:
    """The database's time, so that machines with wrong clocks agree on leases. Asked once, then counted on."""

    def __init__(self) -> None:
        self._start = self._ask()
        self._since = time.monotonic()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=time.monotonic() - self._since)

    @staticmethod
    def _ask() -> datetime:
        if database.vendor != "postgresql":
            return timezone.now()  # SQLite lives on this machine
        with database.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            (value,) = cursor.fetchone()
        return value.astimezone(UTC)  # type: ignore[no-any-return]  # psycopg gives an aware datetime


@dataclass(frozen=True, slots=True)
class World:
    clock: Clock
    connector_for: Callable[[Connection], Connector]
    gateway_for: Callable[[str], Gateway]
    carrier_for: Callable[[CarrierAccount], Carrier] = carrier_for
    rng: random.Random = field(default_factory=random.SystemRandom)

    def now(self) -> datetime:
        return self.clock.now()

    @classmethod
    def real(cls) -> World:
        return cls(clock=DatabaseClock(), connector_for=connector_for, gateway_for=gateways.get)
