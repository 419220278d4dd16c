"""`python -m tests.simulation --seeds 150`: the sending protocol against seeded faults, crashes and freezes."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial


def _set_up() -> None:
    os.environ["DATABASE_URL"] = "sqlite://:memory:"
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django

    django.setup()
    import logging

    from django.db import connection

    from tests import migrated

    logging.disable(logging.CRITICAL)
    connection.ensure_connection()
    migrated.fill(connection.connection)


def _one(seed: int, mutant: str):  # -> Result
    from tests.simulation.run import simulate

    return simulate(seed, mutant=mutant)


def main() -> int:
    parser = argparse.ArgumentParser(prog="simulate")
    parser.add_argument("--seeds", type=int, default=150)
    parser.add_argument("--first", type=int, default=1, help="the first seed; run one alone with --first N --seeds 1")
    parser.add_argument("--mutants", action="store_true", help="also take out each safeguard and see it caught")
    options = parser.parse_args()
    if options.seeds < 1:
        print("simulate: --seeds takes a whole number from 1.", file=sys.stderr)
        return 2
    started = time.monotonic()
    forked = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=forked, initializer=_set_up) as pool:
        seeds = range(options.first, options.first + options.seeds)
        results = list(pool.map(partial(_one, mutant=""), seeds, chunksize=2))
        survivors = _survivors(pool) if options.mutants else []
    for result in sorted((result for result in results if result.bad), key=lambda result: result.seed):
        print(
            f"seed {result.seed}: lost {result.lost} duplicated {result.duplicated} stuck {result.stuck} "
            f"broken {result.broken} astray {result.astray} errors {result.errors}"
        )
    print(_sum_up(results), f"({len(results)} seeds, {time.monotonic() - started:.0f} s)")
    return 1 if survivors or any(result.bad for result in results) else 0


def _survivors(pool) -> list[str]:
    """Mutants that 60 seeds did not catch; says of each which seed caught it."""
    from tests.simulation.names import MUTANT_NAMES

    survivors = []
    for name in MUTANT_NAMES:
        caught = next((r for r in pool.map(partial(_one, mutant=name), range(1, 61)) if r.bad), None)
        print(f"without {name.removeprefix('no ')}: " + (f"caught by seed {caught.seed}" if caught else "NOT CAUGHT"))
        if caught is None:
            survivors.append(name)
    return survivors


def _sum_up(results) -> str:
    def total(name: str) -> int:
        return sum(getattr(result, name) for result in results)

    return (
        f"orders {total('orders')} faults {total('faults')} crashes {total('crashes')}: "
        f"lost {total('lost')} duplicated {total('duplicated')} stuck {total('stuck')}"
    )


if __name__ == "__main__":
    sys.exit(main())
