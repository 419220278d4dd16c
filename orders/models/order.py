"""The order as the customer placed it, and the summary of where it stands."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Lower

from accounts.models import Marketplace, Merchant, new_public_id
from connectors.base import Blocker
from connectors.models import Connection
from orders.due import NO_DEADLINE, DueKind, due_at_expression, due_kind_expression
from orders.enums import Delivery, FulfillmentStatus, Headline, OrderStatus, PaymentStatus, PushStatus
from orders.models.fields import ZERO, amount_field, sum_of_parts
from orders.states import HEADLINE_RULES, HeadlineRule, headline_of


class Channel(models.Model):
    """Where orders come from: a marketplace that calls our API, or a store that we pull from."""

    marketplace = models.OneToOneField(
        Marketplace, on_delete=models.PROTECT, null=True, blank=True, related_name="channel"
    )
    connection = models.OneToOneField(
        Connection, on_delete=models.PROTECT, null=True, blank=True, related_name="channel"
    )
    name = models.CharField(max_length=80)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(marketplace__isnull=True, connection__isnull=False)
                | Q(marketplace__isnull=False, connection__isnull=True),
                name="channel_is_marketplace_or_store",
            ),
        ]

    def __str__(self) -> str:
        return self.name


def _rule_q(rule: HeadlineRule) -> Q:
    condition = Q()
    for column, wanted in (
        ("status", rule.status),
        ("payment_status", rule.payment),
        ("push_status", rule.push),
        ("fulfillment_status", rule.fulfillment),
    ):
        if wanted:
            condition &= Q(**{f"{column}__in": sorted(wanted)})
    return condition


def headline_expression() -> Case:
    """HEADLINE_RULES as SQL; a rule without conditions is the default."""
    whens = [When(_rule_q(rule), then=Value(rule.headline.value)) for rule in HEADLINE_RULES[:-1]]
    return Case(*whens, default=Value(HEADLINE_RULES[-1].headline.value))


_IN_ROWS = (
    "origin__attention",
    "public_id", "number", "placed_at", "customer_name", "channel__name", "delivery", "fulfillment_status", "status", "payment_status",
    "headline", "due_at", "due_kind", "currency", "total", "blockers", "is_archived", "needs_look",
)  # fmt: skip
_IN_DESTINATIONS = ("order_id", "status", "reason", "connection__name")


class OrderQuerySet(models.QuerySet["Order"]):
    def of(self, merchant: Merchant) -> OrderQuerySet:
        return self.filter(merchant=merchant)

    def for_list(self) -> OrderQuerySet:
        """What one row of the Order Manager shows and no more, newest first."""
        pushes = (
            apps.get_model("orders", "OrderPush")
            .objects.newest()
            .select_related("connection")
            .only(*_IN_DESTINATIONS)
            .order_by("pk")
        )
        return (
            self.select_related("channel", "origin")
            .only(*_IN_ROWS)
            .prefetch_related(models.Prefetch("pushes", pushes))
            .annotate(units=models.Subquery(_units()))
            .order_by("-placed_at", "-pk")
        )

    def for_page(self) -> OrderQuerySet:
        """With all that the order's page shows.

        `waits_for_update`: newer code, which is just being brought in, has promised something for it.
        """
        pictures = apps.get_model("orders", "RefundPicture").objects.defer("content")
        newer = apps.get_model("orders", "OutboxMessage").too_new().filter(order=models.OuterRef("pk"))
        of_one = self.select_related(
            "channel", "merchant", "payment", "origin", "accept_decision", "ready_notice__connection"
        )
        return of_one.annotate(waits_for_update=models.Exists(newer)).prefetch_related(
            "lines", "addresses", models.Prefetch("pushes", apps.get_model("orders", "OrderPush").objects.for_card()),
            "pushes__connection__sync_settings", "pushes__push_lines__line", "pushes__parts",
            "fulfillments__lines__line", "fulfillments__parcels", "fulfillments__write_back__connection",
            "pickup_rows__pickup__account__merchant", "labels__account", "labels__fulfillment",
            "events",
            "refunds__lines__line", "refund_requests__lines__line",
            models.Prefetch("refund_requests__lines__picture", pictures),
        )  # fmt: skip

    def overdue(self, *, at: datetime) -> OrderQuerySet:
        """Undecided, or confirmed with nothing captured, although the time to confirm ran out."""
        return self.filter(
            Q(status__in=[OrderStatus.DRAFT, OrderStatus.PENDING])
            | Q(status=OrderStatus.CONFIRMED, payment_status__in=[PaymentStatus.AUTHORIZED, PaymentStatus.FAILED]),
            confirm_by__lte=at,
        )


def _units() -> Any:
    lines = OrderLine.objects.filter(order=models.OuterRef("pk")).order_by().values("order")
    return lines.annotate(units=models.Sum("quantity")).values("units")


OrderManager = models.Manager.from_queryset(OrderQuerySet)


class Order(models.Model):
    """The three *_status columns beside `status` sum up the rows below; orders.services.summary writes them."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    # the first columns of other indexes are these keys: an index of their own would be written at each change of an order
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="orders", db_index=False)
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="orders", db_index=False)
    external_id = models.CharField(max_length=100)  # the channel's own id
    number = models.CharField(max_length=60)  # what people call it
    body_digest = models.CharField(max_length=64, editable=False)  # hex SHA-256 of the canonical body

    status = models.CharField(max_length=10, choices=OrderStatus)
    payment_status = models.CharField(max_length=20, choices=PaymentStatus, default=PaymentStatus.NONE)
    push_status = models.CharField(max_length=10, choices=PushStatus, blank=True)  # empty: no destination
    fulfillment_status = models.CharField(
        max_length=12, choices=FulfillmentStatus, default=FulfillmentStatus.UNFULFILLED
    )
    headline = models.GeneratedField(
        expression=headline_expression(),
        output_field=models.CharField(max_length=20, choices=Headline),
        db_persist=True,
    )
    is_archived = models.BooleanField(default=False)
    needs_look = models.BooleanField(default=False, db_default=False, editable=False)  # see orders.services.looks
    blockers = models.JSONField(
        default=list, blank=True
    )  # of the order itself: why it is a draft, lines that go nowhere

    placed_at = models.DateTimeField()
    received_at = models.DateTimeField()
    confirm_by = models.DateTimeField()
    authorized_until = models.DateTimeField(null=True, blank=True)  # the payment's `expires_at`
    ship_by = models.DateTimeField(null=True, blank=True)
    due_at = models.GeneratedField(
        expression=due_at_expression(), output_field=models.DateTimeField(null=True), db_persist=True
    )  # the nearest deadline that still counts
    due_kind = models.GeneratedField(
        expression=due_kind_expression(),
        output_field=models.CharField(max_length=8, choices=DueKind, blank=True),
        db_persist=True,
    )
    wake_at = models.DateTimeField(null=True, blank=True)  # when orders.services.escalation looks at it next
    reminded_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=254, blank=True)
    decision_reason = models.CharField(max_length=500, blank=True)
    auto_accepted = models.BooleanField(default=False)
    # {"by", "reason", "at"} of a cancellation that waits for the end of the capture that is under way; None: nobody asked
    cancel_wish = models.JSONField(null=True, blank=True, editable=False)
    completed_at = models.DateTimeField(null=True, blank=True)
    revision = models.PositiveIntegerField(default=1)  # grows with every edit by the channel
    called_off_units = models.PositiveIntegerField(
        default=0, db_default=0
    )  # of all lines, given back before they were sent

    currency = models.CharField(max_length=3)
    prices_include_tax = models.BooleanField()
    subtotal = amount_field()  # sum of the lines, after line discounts
    discount = amount_field(default=ZERO)  # on the order as a whole
    shipping = amount_field(default=ZERO)
    shipping_title = models.CharField(max_length=120, blank=True)
    shipping_taxes = models.JSONField(default=list, blank=True)  # [{"title", "rate", "amount"}], decimals as text
    tax = amount_field(default=ZERO)  # inside the total already when prices include tax
    total = amount_field()

    customer_name = models.CharField(max_length=200, blank=True)
    customer_email = models.EmailField(blank=True)
    customer_phone = models.CharField(max_length=30, blank=True)
    customer_note = models.TextField(blank=True)

    delivery = models.CharField(max_length=10, choices=Delivery)
    pickup_name = models.CharField(max_length=200, blank=True)
    pickup_address = models.CharField(max_length=400, blank=True)
    pickup_instructions = models.TextField(blank=True)
    attributes = models.JSONField(default=dict, blank=True)  # free: payment terms, line sheet, PO number ...
    invoice_number = models.CharField(max_length=60, blank=True)  # of the merchant's own invoice to the customer
    invoice_key = models.CharField(max_length=60, blank=True)  # an authority's key of it, as Brazil's 44 digits

    search_text = models.TextField(blank=True, editable=False)  # lower case; written by intake

    objects = OrderManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "external_id"], name="order_once_per_channel"),
            models.CheckConstraint(condition=Q(status__in=OrderStatus.values), name="order_status_known"),
            models.CheckConstraint(
                condition=Q(payment_status__in=PaymentStatus.values), name="order_payment_status_known"
            ),
            models.CheckConstraint(
                condition=Q(push_status__in=["", *PushStatus.values]), name="order_push_status_known"
            ),
            models.CheckConstraint(
                condition=Q(fulfillment_status__in=FulfillmentStatus.values), name="order_fulfillment_status_known"
            ),
            models.CheckConstraint(
                condition=Q(status__in=[OrderStatus.DRAFT, OrderStatus.PENDING], decided_at__isnull=True, decided_by="")
                | (
                    ~Q(status__in=[OrderStatus.DRAFT, OrderStatus.PENDING])
                    & Q(decided_at__isnull=False)
                    & ~Q(decided_by="")
                ),
                name="order_decided_iff_not_open",
            ),
            models.CheckConstraint(
                condition=Q(status=OrderStatus.COMPLETED, completed_at__isnull=False)
                | (~Q(status=OrderStatus.COMPLETED) & Q(completed_at__isnull=True)),
                name="order_completed_at_iff_completed",
            ),
            models.CheckConstraint(
                condition=Q(subtotal__gte=0, discount__gte=0, shipping__gte=0, tax__gte=0, total__gte=0),
                name="order_amounts_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(prices_include_tax=True, total=sum_of_parts())
                | Q(prices_include_tax=False, total=sum_of_parts("tax")),
                name="order_totals_add_up",
            ),
            models.CheckConstraint(
                condition=Q(delivery=Delivery.SHIP, pickup_name="") | Q(delivery=Delivery.PICKUP),
                name="order_pickup_place_only_for_pickup",
            ),
            models.CheckConstraint(
                condition=~Q(status=OrderStatus.DRAFT) | ~Q(blockers=[]), name="order_draft_says_why"
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "-placed_at", "-id"], name="order_newest"),
            models.Index(
                fields=["merchant", "headline", "-placed_at", "-id"],
                include=["is_archived"],
                name="order_newest_by_headline",
            ),
            models.Index(
                fields=["merchant", "-placed_at", "-id"],
                condition=Q(is_archived=True),
                name="order_newest_archived",
            ),
            models.Index(
                fields=["merchant", "-placed_at", "-id"],
                condition=Q(needs_look=True, is_archived=False),
                name="order_newest_to_look_at",
            ),
            models.Index(fields=["channel", "-placed_at", "-id"], name="order_newest_by_channel"),
            models.Index(
                fields=["confirm_by"],
                condition=Q(status__in=["draft", "pending", "confirmed"]),
                name="order_open_by_deadline",
            ),
            models.Index(fields=["merchant", "due_at", "id"], condition=Q(due_at__isnull=False), name="order_by_due"),
            models.Index(fields=["wake_at"], condition=Q(wake_at__isnull=False), name="order_to_wake"),
            models.Index(
                "merchant", Lower("customer_email"), condition=~Q(customer_email=""), name="order_by_customer_email"
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def derived_headline(self) -> Headline:
        """The headline from the values in memory, for rows changed since they were read."""
        return headline_of(
            status=self.status, payment=self.payment_status, push=self.push_status, fulfillment=self.fulfillment_status
        )

    @property
    def deadline(self) -> datetime | None:
        """When the time to confirm ends; None for an order that waits for ever."""
        return None if self.confirm_by >= NO_DEADLINE else self.confirm_by

    @property
    def cancel_wished_at(self) -> datetime | None:
        return datetime.fromisoformat(self.cancel_wish["at"]) if self.cancel_wish else None

    @property
    def headline_label(self) -> str:
        return Headline(self.headline).label

    @property
    def blocker_list(self) -> list[Blocker]:
        return [Blocker.from_json(item) for item in self.blockers]

    @property
    def has_pickup(self) -> bool:
        return self.delivery == Delivery.PICKUP


class OrderLine(models.Model):
    """One line; `unit_price` is after the line's discount, with tax inside when the order's prices include it."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveSmallIntegerField()  # 0, 1, 2 ... as sent
    external_id = models.CharField(max_length=100)
    sku = models.CharField(max_length=120, blank=True)
    title = models.CharField(max_length=300)
    quantity = models.PositiveIntegerField()
    unit_price = amount_field()
    taxes = models.JSONField(default=list, blank=True)  # [{"title", "rate", "amount"}], decimals as text
    requires_shipping = models.BooleanField(default=True)
    fulfilled_quantity = models.PositiveIntegerField(default=0)
    called_off_quantity = models.PositiveIntegerField(default=0)  # given back before it was sent: of standing refunds
    hs_code = models.CharField(max_length=12, blank=True)  # 6 to 12 digits, without dots
    origin_country = models.CharField(max_length=2, blank=True)  # where it was made, ISO 3166-1 alpha-2
    # what the whole line is declared at, in the order's currency; None: not said
    customs_value = amount_field(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["order", "external_id"], name="line_id_once_per_order"),
            models.UniqueConstraint(fields=["order", "position"], name="line_position_once_per_order"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="line_quantity_positive"),
            models.CheckConstraint(condition=Q(unit_price__gte=0), name="line_price_not_negative"),
            models.CheckConstraint(
                condition=Q(fulfilled_quantity__lte=F("quantity")), name="line_fulfilled_within_quantity"
            ),
            models.CheckConstraint(
                condition=Q(customs_value__isnull=True) | Q(customs_value__gt=0), name="line_customs_value_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.title}"

    @property
    def amount(self) -> Decimal:
        return self.unit_price * self.quantity

    @property
    def due_quantity(self) -> int:
        return max(self.quantity - self.called_off_quantity, 0)
