"""One pump as a task of django-q2 runs it; prints when it began and the seconds of processor time that it took."""

from __future__ import annotations

import resource

import django


def main() -> None:
    django.setup()
    from django.urls import reverse
    from django.utils import timezone

    from orders.pump import pump

    reverse("orders:list")  # reads all addresses once, as any worker has that runs for a while
    began = timezone.now()
    before = resource.getrusage(resource.RUSAGE_SELF)
    pump()
    after = resource.getrusage(resource.RUSAGE_SELF)
    print(began.isoformat(), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


if __name__ == "__main__":
    main()
