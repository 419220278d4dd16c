"""The one way to write the audit trail. Call it in the transaction that made the change."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from accounts.models import AuditEvent, Merchant


def record(*, merchant: Merchant | None, kind: str, subject: str, by: str, at: datetime, **data: Any) -> AuditEvent:
    """Add one line. `data` says what changed, never a secret."""
    return AuditEvent.objects.create(merchant=merchant, kind=kind, subject=subject[:200], by=by, at=at, data=data)
