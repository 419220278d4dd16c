"""A supplier that was disconnected and connected again: what the desk knows of it goes over to the new connection."""

from __future__ import annotations

from connectors.models import PurchaseOrder, TrackingFile


def hand_over_order(reference: str, *, old_id: int, heir_id: int) -> None:
    """In the caller's transaction: whoever looks the purchase order up at the new connection finds what is known of it.

    One that the new connection has already stays its own.
    """
    known = PurchaseOrder.objects.filter(connection_id=heir_id, reference=reference)
    if not known.exists():
        PurchaseOrder.objects.filter(connection_id=old_id, reference=reference).update(connection_id=heir_id)


def hand_over_files(*, old_id: int, heir_id: int) -> None:
    """In the caller's transaction: a tracking file that was read is not read again."""
    files = TrackingFile.objects.filter(connection_id=old_id)
    if not files.exists():
        return
    TrackingFile.objects.filter(connection_id=heir_id, read_at=None).delete()  # the next poll sees them again
    known = TrackingFile.objects.filter(connection_id=heir_id).values_list("name", "size", "modified_at")
    have = set(known)
    twice = [row.pk for row in files.only("name", "size", "modified_at") if _key(row) in have]
    files.filter(pk__in=twice).delete()
    files.update(connection_id=heir_id)


def _key(row: TrackingFile) -> tuple[str, int, int]:
    return (row.name, row.size, row.modified_at)
