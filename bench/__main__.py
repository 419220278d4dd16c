"""`make bench`: figures as ratios against a floor measured in the same run. Loopback only, in a database of its own.

Sizes come from the environment:
  BENCH_ORDERS   orders in the list (100000)
  BENCH_SECONDS  seconds per figure (10)
  BENCH_PUSHES   orders that two workers send, each round (1000)
  BENCH_CONFIRMS orders that go all the way to a practice store (40)
  DATABASE_URL   a PostgreSQL server, where storeward_bench is made and dropped; without it SQLite
"""

from __future__ import annotations

import os
import sys

from bench import surroundings


def main() -> int:
    sizes = (("ORDERS", 100_000), ("SECONDS", 10), ("PUSHES", 1000), ("CONFIRMS", 40))
    orders, seconds, sends, confirms = (_whole(*item) for item in sizes)
    with surroundings.made() as url:
        from bench import data, figures, pushes, way_out

        print(f"{url.split(':')[0]}, {orders} orders, {seconds} s per figure\n")
        merchant = data.fill(orders)
        figures.lists(merchant, orders=orders, seconds=seconds)
        figures.intake(merchant, seconds=seconds)
        pushes.measure(sends)
        way_out.measure(confirms)
    return 0


def _whole(name: str, default: int) -> int:
    text = os.environ.get(f"BENCH_{name}", str(default))
    if not text.isdigit() or int(text) < 1:
        sys.exit(f"BENCH_{name} takes a whole number from 1, not {text!r}.")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
