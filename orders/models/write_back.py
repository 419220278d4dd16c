"""What was sent of an order, told to the store where the customer bought it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import Merchant, new_public_id
from connectors.models import Connection
from connectors.registry import connector_class
from orders.enums import ShipmentStatus, WriteBackState
from orders.models.fulfillment import Fulfillment

BY_HAND = 0  # in `maybe_told_by`: a person says so


class WriteBackQuerySet(models.QuerySet["WriteBack"]):
    def of(self, merchant: Merchant) -> WriteBackQuerySet:
        return self.filter(fulfillment__order__merchant=merchant)


WriteBackManager = models.Manager.from_queryset(WriteBackQuerySet)


class WriteBack(models.Model):
    """One fulfillment, once at that store; its parcels as they were told there last."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    fulfillment = models.OneToOneField(Fulfillment, on_delete=models.CASCADE, related_name="write_back")
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="write_backs")
    state = models.CharField(max_length=10, choices=WriteBackState, default=WriteBackState.WAITING)
    reason = models.CharField(max_length=500, blank=True)  # plain words: why it waits or is held
    remote_id = models.CharField(
        max_length=200, blank=True
    )  # of the fulfillment there; of the first where it took several
    known_ids = models.JSONField(default=list, blank=True)  # of those that were there before ours was sent
    maybe_told_at = models.DateTimeField(null=True, blank=True)  # committed before the first byte that tells it
    maybe_told_by = models.PositiveBigIntegerField(null=True, blank=True)  # the message that did, or BY_HAND
    told = models.JSONField(default=list, blank=True)  # [{"id", "units"}] by place there: see told_units
    parcels = models.JSONField(default=list, blank=True)  # [[carrier, number, url]] as told last
    told_at = models.DateTimeField(null=True, blank=True)

    objects = WriteBackManager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=WriteBackState.values), name="write_back_state_known"),
            models.CheckConstraint(
                condition=Q(maybe_told_at__isnull=True, maybe_told_by__isnull=True)
                | Q(maybe_told_at__isnull=False, maybe_told_by__isnull=False),
                name="write_back_mark_is_whole",
            ),
            models.CheckConstraint(condition=~Q(state="held") | ~Q(reason=""), name="write_back_held_says_why"),
            models.CheckConstraint(
                condition=Q(remote_id="", told_at__isnull=True) | (~Q(remote_id="") & Q(told_at__isnull=False)),
                name="write_back_told_at_iff_remote",
            ),
        ]

    @property
    def remote_ids(self) -> list[str]:
        """Of all fulfillments there that are known to be this one."""
        return [part["id"] for part in self.told] or ([self.remote_id] if self.remote_id else [])

    @property
    def is_taken_back(self) -> bool:
        return self.fulfillment.status != ShipmentStatus.SUCCESS

    @property
    def is_told_by_hand(self) -> bool:
        """A person marked it as fulfilled there: we know no id of it."""
        return self.state == WriteBackState.DONE and not self.remote_id

    @property
    def is_known_there(self) -> bool:
        """Whether we told that store of it, or may have."""
        return bool(self.remote_ids) or self.maybe_told_at is not None

    @property
    def is_undone_by_us(self) -> bool:
        """Whether its store lets us take back there what we told it."""
        return self.is_known_there and connector_class(self.connection.platform).capabilities.takes_back

    def __str__(self) -> str:
        return f"{self.fulfillment} to {self.connection}"
