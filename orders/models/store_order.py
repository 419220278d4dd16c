"""Orders that come out of a merchant's own shop: how far they have been read, and where each stands there."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q

from orders.enums import SyncState
from orders.models.order import Channel, Order


class OrderSync(models.Model):
    """The latest reading of one store channel, and where the next begins. Written by orders.services.store_sync alone."""

    channel = models.OneToOneField(Channel, on_delete=models.CASCADE, related_name="sync")
    placed_from = models.DateTimeField()  # orders placed before stay in the store
    state = models.CharField(max_length=10, choices=SyncState, default=SyncState.IDLE)
    read_until = models.DateTimeField(null=True, blank=True)  # every change up to here has been seen
    reading_from = models.DateTimeField(null=True, blank=True)  # what this reading asks for: changes since
    newest = models.DateTimeField(null=True, blank=True)  # the newest change that this reading saw
    cursor = models.TextField(blank=True)  # where the next page begins; empty: at the beginning
    pages = models.PositiveIntegerField(default=0)
    new = models.PositiveIntegerField(default=0)
    drafts = models.PositiveIntegerField(default=0)  # of the new ones
    changed = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    skipped = models.JSONField(default=list, blank=True)  # [{"id", "number", "code"}], the first of them
    skipped_count = models.PositiveIntegerField(default=0)
    started_by = models.CharField(max_length=254, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)  # no page before; also the lease of who reads
    again = models.BooleanField(default=False)  # asked for while one was running: read once more after it
    attempts = models.PositiveIntegerField(default=0)  # only grows: also the fencing token
    failures = models.PositiveSmallIntegerField(default=0)  # in a row
    error = models.CharField(max_length=500, blank=True)
    # from when on orders did not come in, readings that are tried again in between included; none while they do
    failing_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=SyncState.values), name="order_sync_state_known"),
            models.CheckConstraint(
                condition=Q(state="running", due_at__isnull=False, reading_from__isnull=False)
                | (~Q(state="running") & Q(due_at__isnull=True)),
                name="order_sync_due_iff_running",
            ),
            models.CheckConstraint(condition=~Q(state="failed") | ~Q(error=""), name="order_sync_says_why"),
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(state="running"), name="order_sync_due")]

    def __str__(self) -> str:
        return f"{self.channel}: {self.get_state_display()}"

    @property
    def is_running(self) -> bool:
        return self.state == SyncState.RUNNING


class StoreOrigin(models.Model):
    """One order as it stands in the shop where it was placed, by the newest reading of it."""

    order = models.OneToOneField(Order, on_delete=models.CASCADE, related_name="origin")
    url = models.CharField(max_length=300, blank=True)  # its page there
    read_at = models.DateTimeField()
    remote_updated_at = models.DateTimeField()  # of the newest state that was seen
    doubts = models.JSONField(default=list, blank=True)  # blockers that only the shop can clear
    digest = models.CharField(max_length=64)  # of that state; the order's own is of what was taken over
    is_over = models.BooleanField(default=False)  # cancelled, deleted, given back or fulfilled there
    attention = models.CharField(max_length=500, blank=True)  # what happened there since it was sent, for a person
    attention_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(attention="", attention_at__isnull=True)
                | (~Q(attention="") & Q(attention_at__isnull=False)),
                name="store_origin_attention_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"Origin of {self.order}"

    def note(self, **seen: Any) -> None:
        for name, value in seen.items():
            setattr(self, name, value)
        self.save(update_fields=list(seen))
