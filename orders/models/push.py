"""One order's lines for one destination, generation n."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Q

from accounts.models import Merchant, new_public_id
from connectors import conditions
from connectors.base import Blocker
from connectors.models import Connection
from orders.enums import OutboxStatus, PushStatus, RoutedBy, Topic
from orders.models.fields import ZERO, amount_field, sum_of_parts
from orders.models.order import Order, OrderLine


def _maybe_amount() -> models.DecimalField[Decimal | None, Decimal | None]:
    return models.DecimalField(max_digits=16, decimal_places=4, null=True, blank=True)


class OrderPushQuerySet(models.QuerySet["OrderPush"]):
    def of(self, merchant: Merchant) -> OrderPushQuerySet:
        return self.filter(order__merchant=merchant)

    def at_store(self, connection_id: int) -> OrderPushQuerySet:
        """All that go to the store of this connection, partners' among them."""
        return self.filter(Q(connection_id=connection_id) | Q(connection__source_id=connection_id))

    def of_partners(self) -> OrderPushQuerySet:
        """Those that go to a store of another merchant."""
        return self.filter(connection__source__isnull=False)

    def newest(self) -> OrderPushQuerySet:
        """Without those that a re-export followed: one per order and destination."""
        later = OrderPush.objects.filter(
            order=models.OuterRef("order"),
            connection=models.OuterRef("connection"),
            generation__gt=models.OuterRef("generation"),
            beside=False,
        )
        return self.filter(~models.Exists(later))

    def for_card(self) -> OrderPushQuerySet:
        """With what decides which ways out its card offers.

        `is_promised`: its sending stands unfinished, and no worker is at it; `is_doubtful`: and may have been done already.
        `waits_for_update`: newer code, which is just being brought in, has promised something for it.
        """
        messages = apps.get_model("orders", "OutboxMessage")
        unfinished = messages.objects.filter(
            push=models.OuterRef("pk"), topic=Topic.PUSH_ORDER, status__in=[OutboxStatus.WAITING, OutboxStatus.HELD]
        )
        return self.annotate(
            is_promised=models.Exists(unfinished),
            is_doubtful=models.Exists(unfinished.filter(maybe_sent_at__isnull=False)),
            waits_for_update=models.Exists(messages.too_new().filter(push=models.OuterRef("pk"))),
        )


OrderPushManager = models.Manager.from_queryset(OrderPushQuerySet)


class OrderPush(models.Model):
    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    # the first columns of constraints are these keys, which serve as their index
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="pushes", db_index=False)
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="pushes", db_index=False)
    generation = models.PositiveSmallIntegerField(default=1)
    # lines that an earlier generation, which stands, went there without; it follows none
    beside = models.BooleanField(default=False, db_default=False)
    reference = models.CharField(max_length=60)  # what the destination carries of ours
    subtotal = amount_field(default=ZERO)  # of its lines; these five are its part of the order's
    discount = amount_field(default=ZERO)
    shipping = amount_field(default=ZERO)
    tax = amount_field(default=ZERO)  # inside the total already when the order's prices include tax
    total = amount_field(default=ZERO)  # what the destination must hold
    carries_shipping = models.BooleanField(default=False)
    shipping_fee = _maybe_amount()  # typed by whoever pushed it; None: by the rules, or the order's
    due_total = _maybe_amount()  # what the last sending asked the destination to hold
    # what refunds took off its part before the last sending: the destination never held it
    given_back = amount_field(default=ZERO, db_default=ZERO)
    pushed_by = models.CharField(max_length=254, blank=True)  # who pushed it by hand; empty: nobody
    status = models.CharField(max_length=10, choices=PushStatus)
    wait_for = models.CharField(max_length=200, blank=True)  # a key of connectors.conditions
    reason = models.CharField(max_length=500, blank=True)  # plain words: why it waits or is held
    blockers = models.JSONField(default=list, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)  # last preflight
    checking = models.BooleanField(default=False)  # a preflight was asked for and has not ended
    stock_doubt = models.CharField(
        max_length=300, blank=True, default="", db_default=""
    )  # why that preflight could not see it in stock
    remote_id = models.CharField(max_length=200, blank=True)
    remote_name = models.CharField(max_length=60, blank=True)  # "#1001"
    remote_url = models.CharField(max_length=300, blank=True)
    remote_total = amount_field(null=True, blank=True)  # read back
    accepted_total = _maybe_amount()  # a `remote_total` above what was paid that a person has dealt with
    remote_version = models.CharField(max_length=60, blank=True)
    remote_updated_at = models.DateTimeField(null=True, blank=True)  # of the newest state that was applied
    remote_refunded = amount_field(default=ZERO)  # what the destination says it gave back
    remote_outstanding = amount_field(null=True, blank=True)  # what is still to be paid there; None: it does not say
    remote_cancelled = models.BooleanField(default=False)
    adopted = models.BooleanField(default=False)  # found there after a lost answer
    pushed_at = models.DateTimeField(null=True, blank=True)
    read_back_at = models.DateTimeField(null=True, blank=True)
    sent_calls = models.JSONField(default=list, blank=True)  # [{"method", "path", "body"}] of the last sending
    sent_at = models.DateTimeField(null=True, blank=True)  # when the first byte of that was about to leave
    # whether that took its units from the stock there; None: it left before this was kept, or nothing has left
    took_stock = models.BooleanField(null=True, blank=True)
    sends = models.PositiveSmallIntegerField(default=0, db_default=0)  # in a row that may have been carried out
    unsure_since = models.DateTimeField(null=True, blank=True)  # when the first of those left

    # other orders there under its reference: [{"id", "name", "url", "kept"}]; kept: a person said that it is another order
    copies = models.JSONField(default=list, blank=True, db_default=[])

    # what of the order was changed after it left: [{"field", "label", "before", "after"}]
    changes = models.JSONField(default=list, blank=True)
    changed_at = models.DateTimeField(null=True, blank=True)  # the last of those

    links: dict[str, str] | None = None  # no column: the variants of its lines, where orders.services.loading read all

    objects = OrderPushManager()

    class Meta:
        verbose_name_plural = "order pushes"
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(changed_at__isnull=True, changes=[]) | (Q(changed_at__isnull=False) & ~Q(changes=[])),
                name="push_changed_at_iff_changes",
            ),
            models.UniqueConstraint(fields=["order", "connection", "generation"], name="push_once_per_generation"),
            models.UniqueConstraint(fields=["connection", "reference"], name="push_reference_once_per_connection"),
            models.UniqueConstraint(
                fields=["connection", "remote_id"], condition=~Q(remote_id=""), name="remote_order_once_per_connection"
            ),
            models.CheckConstraint(condition=Q(status__in=PushStatus.values), name="push_status_known"),
            models.CheckConstraint(
                condition=Q(status="waiting") & ~Q(wait_for="") | (~Q(status="waiting") & Q(wait_for="")),
                name="push_wait_for_iff_waiting",
            ),
            models.CheckConstraint(condition=~Q(status="held") | ~Q(reason=""), name="push_held_says_why"),
            models.CheckConstraint(
                condition=~Q(status="pushed") | (~Q(remote_id="") & Q(pushed_at__isnull=False)),
                name="push_pushed_has_remote",
            ),
            models.CheckConstraint(
                condition=Q(remote_id="", pushed_at__isnull=True) | (~Q(remote_id="") & Q(pushed_at__isnull=False)),
                name="push_remote_id_iff_pushed_at",
            ),
            models.CheckConstraint(
                condition=Q(subtotal__gte=0, discount__gte=0, shipping__gte=0, tax__gte=0, total__gte=0),
                name="push_amounts_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(shipping_fee__isnull=True) | Q(shipping_fee__gte=0), name="push_fee_not_negative"
            ),
            models.CheckConstraint(condition=Q(given_back__gte=0), name="push_given_back_not_negative"),
            models.CheckConstraint(
                condition=Q(total=sum_of_parts()) | Q(total=sum_of_parts("tax")),
                name="push_totals_add_up",
            ),
            models.CheckConstraint(
                condition=Q(carries_shipping=True) | Q(shipping=0), name="push_shipping_needs_its_carrier"
            ),
            models.CheckConstraint(
                condition=Q(sent_at__isnull=True, sent_calls=[]) | Q(sent_at__isnull=False),
                name="push_sent_calls_have_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference} at {self.connection}"

    @property
    def waits_for_mark(self) -> bool:
        """Paid, and for a person to mark for fulfillment."""
        return self.wait_for == conditions.marked(self.pk)

    @property
    def waits_for_hand(self) -> bool:
        """Paid, and for a person to push it."""
        return self.wait_for == conditions.pushed_by_hand(self.pk)

    @property
    def waits_for_slot(self) -> bool:
        """Paid, and for the connection's next time."""
        return self.wait_for == conditions.slot(self.connection_id)

    @property
    def expected_total(self) -> Decimal:
        """What the destination has to hold: its part of the order, unless it was sent with another price of shipping, or
        after something of it was given back."""
        return self.total if self.due_total is None else self.due_total

    @property
    def holds_what_was_paid(self) -> bool:
        """Whether that is the customer's money: no other price of shipping, and no partner's shipping inside."""
        sent_as_paid = self.due_total in (None, self.total - self.given_back)
        return sent_as_paid and (self.connection.source_id is None or not self.shipping)

    @property
    def undecided_copies(self) -> list[dict[str, Any]]:
        """Other orders there under its reference that may be the same one."""
        return [copy for copy in self.copies if not copy["kept"]]

    @property
    def blocker_list(self) -> list[Blocker]:
        return [Blocker.from_json(item) for item in self.blockers]


class PushLine(models.Model):
    """Which lines go in a push, and why there: whole, less what was given back before it was sent."""

    push = models.ForeignKey(OrderPush, on_delete=models.CASCADE, related_name="push_lines")
    line = models.ForeignKey(OrderLine, on_delete=models.CASCADE, related_name="push_lines")
    routed_by = models.CharField(max_length=10, choices=RoutedBy, default=RoutedBy.ONLY)
    missing = models.BooleanField(default=False, db_default=False)  # the destination took the order without it
    # units that were given back where the customer paid, which is not here: a person said so
    given_back_there = models.PositiveIntegerField(default=0, db_default=0)
    sent_quantity = models.PositiveIntegerField(null=True, blank=True)  # of the last sending; None: all of the line

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["push", "line"], name="push_line_once"),
            models.CheckConstraint(condition=Q(routed_by__in=RoutedBy.values), name="push_line_routed_by_known"),
        ]

    def __str__(self) -> str:
        return f"{self.line} in {self.push}"
