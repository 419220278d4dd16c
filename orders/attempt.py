"""One attempt at something outside, as the connections see it that it asks: each admits it first and is told afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from connectors.base import Budget, Connector
from connectors.errors import ConnectorError, HostRefusedError, RejectedError, RetryableError
from connectors.gateway.base import Gateway
from connectors.models import Connection
from connectors.services import limits, pacing, places
from orders.world import World

LOOKING = "find_variants"  # the verb whose cost a connection must hold that no claim has admitted


class Attempt:
    """`world` is for whoever does the work; what is asked there is noted until the end is told.

    `admitted` has the connections that admitted it before. Any other is asked for its admission when its driver is
    wanted, which raises RetryableError when it takes no calls now. One that is `bounded` needs a place, where the
    connection bears so many at a time, and leaves it at the end, or when it turns to the gateway. `requests` have been paid
    for with each that is `admitted`; what is asked beyond them is counted as it leaves.
    """

    def __init__(
        self,
        world: World,
        *,
        admitted: Mapping[int, limits.Admission] | None = None,
        requests: float = 0.0,
        bounded: bool = False,
    ) -> None:
        self.world = replace(world, connector_for=self._connector_for, gateway_for=self._gateway_for)
        self._outside = world
        self._bounded = bounded
        self._probes = {key: admission.probe for key, admission in (admitted or {}).items()}
        self._places = {key: admission.place for key, admission in (admitted or {}).items() if admission.place}
        self._lanes = frozenset(self._places)
        for key in self._probes:
            pacing.paid(key, requests)
        self._drivers: list[tuple[int, Connector, Budget | None]] = []  # with the budget as it was known before
        self._last: int | None = None  # the connection asked last; None when the gateway was asked since

    def answered(self) -> None:
        """No connection that was asked failed."""
        self._tell("ok")

    def failed(self, error: ConnectorError) -> None:
        """`error` is of the one asked last; those before it answered."""
        self._tell(_outcome(error), after_s=error.after_s if isinstance(error, RetryableError) else None)

    def broke_off(self) -> None:
        """A fault of ours, which says nothing of the one asked last."""
        self._tell("not asked")

    def _tell(self, outcome: limits.CallOutcome, *, after_s: float | None = None) -> None:
        at, told = self._outside.now(), self._told()
        for key, probe in self._probes.items():
            how = "not asked" if key not in told else outcome if key == self._last else "ok"
            if how == "ok" and probe is None:
                limits.answered(key, at=at, budget=told.pop(key))
            else:
                limits.record(key, outcome=how, at=at, after_s=after_s, probe=probe)
        for key, budget in told.items():
            if budget is not None:
                limits.learn(key, budget, at=at)
        for key in self._probes:
            pacing.paid(key, 0.0)
        self._probes, self._drivers = {}, []
        self._leave(*self._places)

    def _told(self) -> dict[int, Budget | None]:
        """Each connection that was asked, with what it said last of its budget; None when it said nothing new."""
        told: dict[int, Budget | None] = {}
        for key, driver, known in self._drivers:
            is_news = driver.budget is not known or (known is not None and known.available is None)
            told[key] = driver.budget if is_news else told.get(key)
        return told

    def _connector_for(self, connection: Connection) -> Connector:
        key = connection.speaker_id
        if key not in self._probes:
            self._last = None
            self._probes[key] = self._admitted(connection)
        driver = self._outside.connector_for(connection)
        self._drivers.append((key, driver, driver.budget))
        self._last = key
        return driver

    def _gateway_for(self, name: str) -> Gateway:
        self._last = None
        self._leave(*(key for key in self._places if key not in self._lanes))
        return self._outside.gateway_for(name)

    def _admitted(self, connection: Connection) -> datetime | None:
        at, key = self._outside.now(), connection.speaker_id
        cost, requests = limits.cost(connection.platform, LOOKING), limits.requests(connection.platform, LOOKING)
        admission = limits.admit(key, costs=[cost], requests=[requests], at=at, bounded=self._bounded, first=True)
        if not admission.count:
            places.keep_one(key, at=at)
            text, after_s = f"{connection.name} takes no calls at the moment.", limits.closed_for(key, at=at)
            raise RetryableError(text, code="rate_limited", after_s=after_s, throttled=True)
        if admission.place:
            self._places[key] = admission.place
        pacing.paid(key, requests)
        return admission.probe

    def _leave(self, *keys: int) -> None:
        for key in keys:
            places.leave(key, self._places.pop(key))


def _outcome(error: ConnectorError) -> limits.CallOutcome:
    """What an error says of the connection that raised it: one that refuses answers."""
    match error:
        case RetryableError(throttled=True):
            return "throttled"
        case RetryableError():
            return "failed"
        case RejectedError() | HostRefusedError():
            return "ok"
    return "not asked"
