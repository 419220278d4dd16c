"""Confirm to received by the store, with a real web server and a real worker, and what both weigh."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles

from django.conf import settings
from django.utils import timezone
from django_q.models import OrmQ

from connectors.models import Connection, ConnectionState
from connectors.practice.models import PracticeOrder, PracticeShop
from orders.management import demo_data, sample_orders
from orders.management.commands.demo import await_port, await_web
from orders.management.journey import Portal
from orders.models import OutboxMessage
from orders.processes import spawn, stop

SAMPLE = "order_discount"
PATIENCE_S = 120.0


def measure(count: int) -> None:
    _forget_the_list()
    bind = settings.BASE_URL.removeprefix("http://")
    process = spawn([sys.executable, "manage.py", "portal", "--bind", bind])
    supplier = spawn([sys.executable, "manage.py", "practice_sftp"])
    try:
        await_web(settings.BASE_URL)
        await_port(settings.PRACTICE_SFTP_PORT)
        _, portal = demo_data.make_people(at=timezone.now())
        demo_data.open_shops(at=timezone.now())
        times = sorted(_one(portal, n) for n in range(count))
        p95 = quantiles(times, n=20)[-1] if count > 1 else times[0]
        print(
            f"\nconfirm -> received by the store     p50 {median(times):.0f} ms   p95 {p95:.0f} ms   ({count} orders)"
        )
        for name, mebibytes in _weights(process.pid).items():
            print(f"memory, {name:<29}{mebibytes:.0f} MiB")
    finally:
        stop(supplier, after_s=10)
        stop(process, after_s=25)


def _forget_the_list() -> None:
    """The worker must have nothing to do for the list's merchant, whose shop does not exist."""
    OutboxMessage.objects.all().delete()
    OrmQ.objects.all().delete()
    Connection.objects.update(state=ConnectionState.PAUSED)


def _one(portal: Portal, n: int) -> float:
    """Milliseconds from sending the confirmation to the store writing its order."""
    order = portal.place(sample_orders.load(SAMPLE, at=timezone.now(), suffix=f"-W{n}"))
    order = portal.until(order, "preflight", lambda found: found["pushes"][0]["checked_at"] is not None)
    _refill_budgets()
    began = timezone.now()
    portal.act(order, "confirm")
    return (_received_at(order["pushes"][0]["reference"]) - began).total_seconds() * 1000


def _refill_budgets() -> None:
    """A store's query budget lasts for some fifteen orders in a row; after that the limit would be measured, not us."""
    PracticeShop.objects.update(bucket=2000, bucket_at=None)
    Connection.objects.update(budget_available=None)


def _received_at(reference: str) -> datetime:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        found = PracticeOrder.objects.filter(source_identifier=reference).values_list("created_at", flat=True).first()
        if found:
            return found
        time.sleep(0.02)
    raise SystemExit(f"{reference} did not reach the store in {PATIENCE_S:.0f} s.")


def _weights(root: int) -> dict[str, float]:
    """Proportional set size in MiB: what each would free if it ended."""
    found = {"web": 0.0, "worker": 0.0}
    for pid in _family(root):
        command = _told(pid, "cmdline")
        kind = "web" if "gunicorn" in command else "worker"
        pss = (line for line in _told(pid, "smaps_rollup").splitlines() if line.startswith("Pss:"))
        found[kind] += sum(int(line.split()[1]) for line in pss) / 1024
    return found


def _family(root: int) -> list[int]:
    told = {int(path.name): _told(int(path.name), "stat") for path in Path("/proc").glob("[0-9]*")}
    parents = {pid: int(stat.rsplit(") ", 1)[1].split()[1]) for pid, stat in told.items() if stat}
    family = [root]
    for pid in family:
        family += [child for child, parent in parents.items() if parent == pid]
    return family


def _told(pid: int, what: str) -> str:
    """Nothing of a process that ended meanwhile."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/{what}").read_text()
    return ""
