"""Real workers, really killed: at each step of capture, push and refund, then started again. Each happens once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from connectors.models import SandboxCharge
from orders.enums import PushStatus, RefundStatus
from orders.models import Order, OrderPush, OutboxMessage
from orders.services import decisions, refunds
from tests import invariants
from tests.factories import make_connection, make_order
from tests.orders.services.refundable import charge_of, make_paid, wanted

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.processes,
    pytest.mark.timeout(800),
    pytest.mark.django_db(transaction=True),
]

ROOT = Path(__file__).resolve().parents[2]
STARTS_WITHIN_S, ENDS_WITHIN_S = 120.0, 240.0
CAPTURE_STEPS = ("claimed", "examining", "examined", "marked", "captured", "settling")
REFUND_STEPS = ("claimed", "marked", "refunded", "settling")
PUSH_STEPS = ("claimed", "built", "marked", "created", "reading back", "read back", "settling")


def worker(ledger: Path, *, topic: str = "", step: str = "") -> subprocess.Popen[bytes]:
    """A process that carries out what is due, and stops itself for ever at a step of a topic."""
    database = connection.settings_dict
    env = {
        **os.environ,
        "DATABASE_URL": f"postgres:///{database['NAME']}",
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "LEDGER": str(ledger),
        "STOP_AT": f"{topic}/{step}",
    }
    return subprocess.Popen([sys.executable, "-m", "tests.orders.killable"], cwd=ROOT, env=env)


def kill_at(ledger: Path, topic: str, step: str) -> None:
    process = worker(ledger, topic=topic, step=step)
    reached = ledger.with_suffix(".reached")
    deadline = time.monotonic() + STARTS_WITHIN_S
    while not reached.exists():
        assert process.poll() is None, f"the worker ended before {topic}/{step}"
        assert time.monotonic() < deadline, f"{topic}/{step} was never reached"
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def made_in(ledger: Path) -> dict[str, list[str]]:
    """By reference; each line is one order that the store made."""
    made: dict[str, list[str]] = {}
    for number, reference in enumerate(ledger.read_text().splitlines()):
        made.setdefault(reference, []).append(str(number))
    return made


@pytest.mark.parametrize(
    ("topic", "step"),
    [*(("capture_payment", step) for step in CAPTURE_STEPS), *(("push_order", step) for step in PUSH_STEPS)],
)
def test_killed_at_any_step_there_is_one_capture_and_one_order(tmp_path: Path, topic: str, step: str):
    at = timezone.now()
    order = make_order(connections=[make_connection()], lines=[{"sku": "A"}], confirm_by=at + timedelta(days=365))
    decisions.confirm(order_id=order.pk, by="ana", at=at)
    ledger = tmp_path / "ledger"

    kill_at(ledger, topic, step)
    OutboxMessage.objects.filter(status="running").update(lease_until=at)  # the lease has run out meanwhile
    after = worker(ledger)

    assert after.wait(timeout=ENDS_WITHIN_S) == 0
    made = made_in(ledger)
    assert (list(made), invariants.doubled(made)) == ([OrderPush.objects.get().reference], [])
    assert OrderPush.objects.get().status == PushStatus.PUSHED
    charge = SandboxCharge.objects.get()
    assert charge.captured == int(order.total * 100)
    assert len(charge.answers) == 1
    assert Order.objects.get().headline == "awaiting_fulfillment"


@pytest.mark.parametrize("step", REFUND_STEPS)
def test_killed_at_any_step_a_refund_gives_its_money_once(tmp_path: Path, step: str):
    order, at = make_paid(), timezone.now()
    refunds.issue(order_id=order.pk, wanted=wanted({"1": 1}), by="ana", at=at)
    ledger = tmp_path / "ledger"

    kill_at(ledger, "refund_payment", step)
    OutboxMessage.objects.filter(status="running").update(lease_until=at)  # the lease has run out meanwhile
    after = worker(ledger)

    assert after.wait(timeout=ENDS_WITHIN_S) == 0
    assert charge_of(order).refunded == 1000
    assert order.refunds.get().status == RefundStatus.DONE
