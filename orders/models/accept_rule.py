"""Which orders are accepted without a person: a merchant's rules, and what they said of each order."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from accounts.models import Merchant, new_public_id
from orders.accepting import ArrivedIn, CustomerKind, Listed, SkuMatch, Verdict
from orders.models.order import Channel, Order


class AcceptRuleQuerySet(models.QuerySet["AcceptRule"]):
    def of(self, merchant: Merchant) -> AcceptRuleQuerySet:
        return self.filter(merchant=merchant)

    def in_order(self) -> AcceptRuleQuerySet:
        return self.select_related("channel").order_by("position", "pk")


AcceptRuleManager = models.Manager.from_queryset(AcceptRuleQuerySet)


class AcceptRule(models.Model):
    """Holds when all its conditions do; orders.services.acceptance reads the rules from the top."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="accept_rules")
    position = models.PositiveSmallIntegerField()  # 0, 1, 2 ... from the top
    verdict = models.CharField(max_length=6, choices=Verdict)
    currency = models.CharField(max_length=3)  # of the two amounts; orders in another one are not meant by them
    total_from = models.DecimalField(max_digits=16, decimal_places=4, null=True, blank=True)  # both ends included
    total_to = models.DecimalField(max_digits=16, decimal_places=4, null=True, blank=True)
    customer = models.CharField(max_length=5, choices=CustomerKind, blank=True)
    ready = models.BooleanField(default=False)  # every line linked and in stock at its destination
    listed = models.CharField(max_length=6, choices=Listed, blank=True)
    countries = models.JSONField(default=list, blank=True)  # ISO 3166-1
    channel = models.ForeignKey(
        Channel, on_delete=models.CASCADE, null=True, blank=True, related_name="accept_rules"
    )  # None: any
    sku_match = models.CharField(max_length=4, choices=SkuMatch, blank=True)
    skus = models.JSONField(default=list, blank=True)  # beginnings
    arrived_in = models.CharField(max_length=6, choices=ArrivedIn, blank=True)

    objects = AcceptRuleManager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(verdict__in=Verdict.values), name="accept_rule_verdict_known"),
            models.CheckConstraint(
                condition=Q(customer__in=CustomerKind.values, arrived_in__in=ArrivedIn.values),
                name="accept_rule_words_known",
            ),
            models.CheckConstraint(
                condition=Q(total_from=None) | Q(total_to=None) | Q(total_from__lte=F("total_to")),
                name="accept_rule_total_from_below_to",
            ),
            models.CheckConstraint(
                condition=Q(listed="", countries=[]) | (Q(listed__in=["in", "not_in"]) & ~Q(countries=[])),
                name="accept_rule_countries_iff_listed",
            ),
            models.CheckConstraint(
                condition=Q(sku_match="", skus=[]) | (Q(sku_match__in=["all", "some", "none"]) & ~Q(skus=[])),
                name="accept_rule_skus_iff_matched",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_verdict_display()} (rule {self.position + 1})"


class AcceptSettings(models.Model):
    """What counts for all of a merchant's rules. Without a row they decide."""

    merchant = models.OneToOneField(Merchant, on_delete=models.CASCADE, related_name="accept_settings")
    shadow = models.BooleanField(default=False)  # rules decide nothing, and say on each order what they would have done

    class Meta:
        verbose_name_plural = "accept settings"

    def __str__(self) -> str:
        return f"Auto-accept of {self.merchant}"


class AcceptDecision(models.Model):
    """What the rules said of an order, last. Only merchants with rules have any."""

    order = models.OneToOneField(Order, on_delete=models.CASCADE, related_name="accept_decision")
    rule = models.ForeignKey(AcceptRule, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField()
    verdict = models.CharField(max_length=6, choices=Verdict)
    shadow = models.BooleanField()  # only what would have been
    text = models.CharField(max_length=500)  # "Rule 2 accepts it: total from 0.00 to 500.00 NZD"
    trail = models.JSONField(default=list, blank=True)  # [{"rule": 1, "failed": "..."}] of the rules above

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(verdict__in=Verdict.values), name="accept_decision_verdict_known"),
            models.CheckConstraint(condition=~Q(text=""), name="accept_decision_says_why"),
        ]

    def __str__(self) -> str:
        return self.text
