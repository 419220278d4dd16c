"""What the command and its processes share, importable before Django is set up."""

from __future__ import annotations

from dataclasses import dataclass

MUTANT_NAMES = (
    "no lookup",
    "no horizon",
    "mark after send",
    "no fencing",
    "the machines' clocks",
    "no mark of a refund",
)


@dataclass
class Result:
    seed: int
    orders: int = 0
    faults: int = 0
    crashes: int = 0
    lost: int = 0  # no order there, or no money taken
    duplicated: int = 0  # more than one order there, or money taken twice
    stuck: int = 0  # we do not know that it is there
    broken: int = 0  # what of tests/invariants.py our own rows do not keep
    astray: int = 0  # orders whose money there, at the gateway and in our books does not agree
    errors: int = 0  # exceptions that left a worker

    @property
    def bad(self) -> bool:
        return bool(self.lost or self.duplicated or self.stuck or self.broken or self.astray or self.errors)
