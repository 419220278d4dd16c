"""Budgets that come back with time, as one claim draws on them. Nothing here reads or writes a row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Prices = Sequence[float]  # one for each message, in the bucket's units


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is left at this moment, the most it ever holds, and how much comes back each second."""

    left: float
    maximum: float
    restore_per_s: float

    @classmethod
    def restored(cls, left: float, *, maximum: float | None, restore_per_s: float, elapsed_s: float) -> Bucket:
        """One that held `left` so long ago; with None nobody knows the most that it holds."""
        most = maximum or math.inf
        return cls(min(left + max(elapsed_s, 0.0) * restore_per_s, most), most, restore_per_s)

    def pays(self, prices: Prices) -> int:
        """How many of them, in their order. What asks nothing passes an empty one too."""
        left = self.left
        for paid, price in enumerate(map(self._price, prices)):
            if price > left:
                return paid
            left -= price
        return len(prices)

    def less(self, prices: Prices) -> Bucket:
        return Bucket(self.left - sum(map(self._price, prices)), self.maximum, self.restore_per_s)

    def wait_s(self, price: float) -> float:
        """Seconds until it holds as much, or all that it ever holds."""
        return max(self._price(price) - self.left, 0.0) / self.restore_per_s

    def _price(self, asked: float) -> float:
        """One that never holds the price is asked for all it holds, or nothing would ever be sent."""
        return min(asked, self.maximum)
