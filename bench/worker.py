"""One pump as a task of django-q2 runs it; prints when it began and the seconds of processor time until its last message.

What it spends afterwards, while it waits whether anything else becomes due, belongs to no message.
"""

from __future__ import annotations

import resource

import django

LONGEST_S = 240.0  # a pump of a worker ends earlier, and another goes on


def main() -> None:
    django.setup()
    from django.urls import reverse
    from django.utils import timezone

    from orders import outbox
    from orders.models import OutboxMessage
    from orders.pump import pump
    from orders.world import World

    carry_out, ends = outbox.carry_out, [_spent()]

    def noted(message: OutboxMessage, world: World) -> None:
        carry_out(message, world)
        ends.append(_spent())

    outbox.carry_out = noted
    reverse("orders:list")  # reads all addresses once, as any worker has that runs for a while
    began = timezone.now()
    before = _spent()
    pump(budget_s=LONGEST_S)
    print(began.isoformat(), max(ends[-1] - before, 0.0))


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
