"""Two merchants who work together: one sells what the other owns and sends (docs/adr/0020)."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import F, Q

from accounts.models import Merchant, new_public_id
from connectors.models.connection import Connection


class Side(models.TextChoices):
    SOURCE = "source", "Owns the products"
    DESTINATION = "destination", "Sells the products"


class PartnershipState(models.TextChoices):
    INVITED = "invited", "Invited"
    ACCEPTED = "accepted", "Working together"
    DECLINED = "declined", "Declined"
    REVOKED = "revoked", "Revoked"  # by either side, after it was accepted or before it was answered


class PartnershipQuerySet(models.QuerySet["Partnership"]):
    def of(self, merchant: Merchant) -> PartnershipQuerySet:
        """Those in which the merchant is either side."""
        return self.filter(Q(source=merchant) | Q(destination=merchant))

    def open(self, *, at: datetime) -> PartnershipQuerySet:
        """Waiting for an answer that can still be given at `at`."""
        return self.filter(state=PartnershipState.INVITED, expires_at__gt=at)


PartnershipManager = models.Manager.from_queryset(PartnershipQuerySet)


class Partnership(models.Model):
    """The side that was asked by e-mail is not known before somebody answers; a link's token is kept as a digest only."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    source = models.ForeignKey(
        Merchant, on_delete=models.CASCADE, null=True, blank=True, related_name="partnerships_as_source"
    )
    destination = models.ForeignKey(
        Merchant, on_delete=models.CASCADE, null=True, blank=True, related_name="partnerships_as_destination"
    )
    source_connection = models.ForeignKey(  # approved by the source
        Connection, on_delete=models.PROTECT, null=True, blank=True, related_name="partnerships"
    )
    connection = models.OneToOneField(  # the destination's own row, which stands for it
        Connection, on_delete=models.PROTECT, null=True, blank=True, related_name="partnership"
    )
    asked_by = models.CharField(max_length=12, choices=Side)  # the side that invited
    state = models.CharField(max_length=10, choices=PartnershipState, default=PartnershipState.INVITED)
    email = models.EmailField(blank=True)  # of who was asked; empty when a merchant was asked by its short name
    token_digest = models.CharField(max_length=64, blank=True)  # hex SHA-256
    invited_by = models.CharField(max_length=254)
    invited_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    decided_by = models.CharField(max_length=254, blank=True)  # accepted, declined or revoked it, last
    decided_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=12, choices=Side, blank=True)  # the side that revoked it

    objects = PartnershipManager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=PartnershipState.values), name="partnership_state_known"),
            models.CheckConstraint(condition=Q(asked_by__in=Side.values), name="partnership_asked_by_a_side"),
            models.CheckConstraint(
                condition=Q(asked_by="source", source__isnull=False)
                | Q(asked_by="destination", destination__isnull=False),
                name="partnership_who_asked_is_known",
            ),
            models.CheckConstraint(
                condition=Q(source__isnull=True) | Q(destination__isnull=True) | ~Q(source=F("destination")),
                name="partnership_of_two",
            ),
            models.CheckConstraint(
                condition=~Q(state="accepted")
                | Q(
                    source__isnull=False,
                    destination__isnull=False,
                    source_connection__isnull=False,
                    connection__isnull=False,
                ),
                name="partnership_accepted_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(state="invited", decided_at__isnull=True, decided_by="")
                | (~Q(state="invited") & Q(decided_at__isnull=False) & ~Q(decided_by="")),
                name="partnership_decided_iff_not_invited",
            ),
            models.CheckConstraint(
                condition=Q(state="revoked") & ~Q(ended_by="") | (~Q(state="revoked") & Q(ended_by="")),
                name="partnership_ended_by_iff_revoked",
            ),
            models.UniqueConstraint(
                fields=["source_connection", "destination"],
                condition=Q(state="accepted"),
                name="partnership_store_once_per_destination",
            ),
            models.UniqueConstraint(
                fields=["token_digest"], condition=~Q(token_digest=""), name="partnership_token_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source or self.email} for {self.destination or self.email}"


class PartnerEmail(models.TextChoices):
    OWN = "own", "Our own address"
    CUSTOMER = "customer", "The customer's address"
    OTHER = "other", "Another address"


class PartnerSettings(models.Model):
    """How the destination's orders go to the partner's store. A partnership without a row has the defaults."""

    partnership = models.OneToOneField(Partnership, on_delete=models.CASCADE, related_name="settings")
    automatic = models.BooleanField(default=False)  # off: a paid order waits until a person pushes it
    email_policy = models.CharField(max_length=10, choices=PartnerEmail, default=PartnerEmail.OWN)
    other_email = models.EmailField(blank=True)

    class Meta:
        verbose_name_plural = "partner settings"
        constraints = [
            models.CheckConstraint(
                condition=Q(email_policy__in=PartnerEmail.values), name="partner_email_policy_known"
            ),
            models.CheckConstraint(
                condition=Q(email_policy="other") & ~Q(other_email="") | (~Q(email_policy="other") & Q(other_email="")),
                name="partner_other_email_iff_other",
            ),
        ]

    def __str__(self) -> str:
        return f"Settings of {self.partnership}"


class PartnerShippingRule(models.Model):
    """Orders whose items come to `at_least` or more cost `costs` to send. Amounts in the destination's currency."""

    partnership = models.ForeignKey(Partnership, on_delete=models.CASCADE, related_name="shipping_rules")
    at_least = models.DecimalField(max_digits=16, decimal_places=4)
    costs = models.DecimalField(max_digits=16, decimal_places=4)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["partnership", "at_least"], name="partner_shipping_threshold_once"),
            models.CheckConstraint(condition=Q(at_least__gte=0, costs__gte=0), name="partner_shipping_not_negative"),
        ]

    def __str__(self) -> str:
        return f"from {self.at_least} on: {self.costs}"


class Plan(models.Model):
    """What a merchant has switched on besides the main job. A merchant without a row has nothing of it."""

    merchant = models.OneToOneField(Merchant, on_delete=models.CASCADE, related_name="plan")
    orders_addon = models.BooleanField("Orders add-on", default=False)
    changed_by = models.CharField(max_length=254)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"Plan of {self.merchant}"
