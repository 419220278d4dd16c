"""The worker that test_kills.py kills: real outbox, real gateway, a store whose ledger is a file."""

from __future__ import annotations

import os
import time
from pathlib import Path


def main() -> None:
    import django

    django.setup()
    from connectors.gateway import registry
    from orders import outbox
    from orders.models import OutboxMessage
    from orders.world import DatabaseClock, World
    from tests.fakes import FakeStore

    clock = DatabaseClock()
    store = _file_store(FakeStore, clock)
    world = World(clock=clock, connector_for=lambda connection: store, gateway_for=registry.get)
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline:
        outbox.take_back_expired(at=clock.now())
        messages = outbox.claim(at=clock.now(), limit=1)
        for message in messages:
            for step in outbox.steps(message, world):
                _maybe_stop(message.topic, step)
        if not messages and not OutboxMessage.objects.filter(status__in=["waiting", "running"]).exists():
            return
        time.sleep(0.02)
    raise SystemExit("work was left over")


def _maybe_stop(topic: str, step: str) -> None:
    if os.environ["STOP_AT"] == f"{topic}/{step}":
        Path(os.environ["LEDGER"]).with_suffix(".reached").touch()
        time.sleep(300)


def _file_store(base, clock):
    """FakeStore whose orders outlive the process."""
    ledger = Path(os.environ["LEDGER"])

    class FileStore(base):
        horizon_s = 1

        def create(self, order):
            with ledger.open("a") as file:
                file.write(f"{order.reference}\n")
            return super().create(order)

    store = FileStore(clock)
    store.stock_up("A")
    _remember(store, ledger)
    return store


def _remember(store, ledger: Path) -> None:
    """Orders of an earlier process, as the store would still have them."""
    from orders.models import OrderPush
    from orders.services import outbound

    for reference in ledger.read_text().split() if ledger.exists() else []:
        push = OrderPush.objects.select_related("connection__sync_settings").get(reference=reference)
        store.add(outbound.build(push))


if __name__ == "__main__":
    main()
