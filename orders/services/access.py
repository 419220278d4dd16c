"""Access that could not be renewed: what only the merchant can mend is said on the connection and in one mail."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from connectors.errors import ConnectionGoneError
from connectors.services.oauth import Failure
from orders import alarms


def settle(failures: Iterable[Failure], *, at: datetime) -> None:
    """Only what is final changes a connection; the rest is tried again by itself."""
    for failure in failures:
        if not failure.is_final:
            continue
        if isinstance(failure.error, ConnectionGoneError):
            alarms.gone(failure.connection, reason=str(failure.error), at=at)
        else:
            alarms.auth_lost(failure.connection, reason=str(failure.error), at=at)
