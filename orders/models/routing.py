"""A merchant's own rules about which lines go where; orders.services.routing reads them from the top."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import Merchant, new_public_id
from connectors.models import Connection
from orders.enums import RuleKind


class RoutingRuleQuerySet(models.QuerySet["RoutingRule"]):
    def of(self, merchant: Merchant) -> RoutingRuleQuerySet:
        return self.filter(merchant=merchant)

    def in_order(self) -> RoutingRuleQuerySet:
        return self.order_by("position", "pk")


RoutingRuleManager = models.Manager.from_queryset(RoutingRuleQuerySet)


class RoutingRule(models.Model):
    """One condition and the destination of the lines that it holds for."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="routing_rules")
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="routing_rules")
    position = models.PositiveSmallIntegerField()  # 0, 1, 2 ... from the top
    kind = models.CharField(max_length=12, choices=RuleKind)
    name = models.CharField(max_length=60, blank=True)  # of the order's attribute; empty for the other kinds
    value = models.CharField(max_length=120)  # a prefix, a tag, an attribute's value, an ISO 3166-1 country

    objects = RoutingRuleManager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=RuleKind.values), name="routing_rule_kind_known"),
            models.CheckConstraint(condition=~Q(value=""), name="routing_rule_has_a_value"),
            models.CheckConstraint(
                condition=Q(kind="attribute") & ~Q(name="") | (~Q(kind="attribute") & Q(name="")),
                name="routing_rule_name_iff_attribute",
            ),
            models.UniqueConstraint(
                fields=["merchant", "kind", "name", "value"], name="routing_rule_condition_once_per_merchant"
            ),
        ]

    def __str__(self) -> str:
        what = f"{self.get_kind_display()} {self.value}"
        return f"{self.name}: {self.value}" if self.name else what
