"""A merchant's link to one outside system: where it is, how to get in, how it is doing."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import Merchant, new_public_id
from connectors.credentials import EncryptedJSONField


class ConnectionState(models.TextChoices):
    ACTIVE = "active", "Connected"
    PAUSED = "paused", "Paused"  # by a person, or because the shop is frozen or gone
    AUTH_LOST = "auth_lost", "Needs reconnecting"
    REMOVED = "removed", "Disconnected"


class ConnectionQuerySet(models.QuerySet["Connection"]):
    def of(self, merchant: Merchant) -> ConnectionQuerySet:
        return self.filter(merchant=merchant)

    def standing(self) -> ConnectionQuerySet:
        """Not disconnected."""
        return self.exclude(state=ConnectionState.REMOVED)

    def own(self) -> ConnectionQuerySet:
        """With access of their own: none that stands for a partner's."""
        return self.filter(source=None)

    def same_shop_as(self, old: Connection) -> ConnectionQuerySet:
        """Its merchant's standing connections to the very shop or address that `old` spoke to, the newest first."""
        if not (old.remote_id or old.base_url):
            return self.none()  # forgotten: nothing says which shop it was
        same = {"remote_id": old.remote_id} if old.remote_id else {"remote_id": "", "base_url": old.base_url}
        return self.of(old.merchant).standing().own().filter(platform=old.platform, **same).order_by("-pk")


ConnectionManager = models.Manager.from_queryset(ConnectionQuerySet)


class Connection(models.Model):
    """Credentials are encrypted and never shown again; limits and breaker are shared by all workers."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="connections")
    source = models.ForeignKey(  # a partner's connection that this one stands for; it has the access (docs/adr/0020)
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="stand_ins"
    )
    platform = models.CharField(max_length=30)  # a key of connectors.registry
    name = models.CharField(max_length=120)
    base_url = models.CharField(max_length=300)
    credentials = EncryptedJSONField(default=dict)
    credential_version = models.PositiveIntegerField(default=1)  # grows with every reconnect and renewal
    webhook_secret = EncryptedJSONField(default=dict)  # {"secrets": [newest, previous]}
    by_app = models.BooleanField(default=False)  # let in by the platform's own authorization, not by keys typed here
    token_expires_at = models.DateTimeField(null=True, blank=True)  # None: the access does not run out
    refresh_expires_at = models.DateTimeField(null=True, blank=True)  # of what renews it
    refresh_not_before = models.DateTimeField(null=True, blank=True)  # somebody renews it now, or could not just now
    connected_at = models.DateTimeField(null=True, blank=True)  # when a person let us in last; None: before it was kept
    missing_scopes = models.JSONField(default=list, blank=True)  # permissions that we lack there
    webhook_version = models.CharField(
        max_length=20, blank=True, db_default=""
    )  # of the last webhooks, where it is not ours
    api_warning = models.CharField(max_length=300, blank=True)  # what the platform says of our API version
    state = models.CharField(max_length=10, choices=ConnectionState, default=ConnectionState.ACTIVE)
    state_reason = models.CharField(max_length=300, blank=True)
    is_destination = models.BooleanField(default=True)
    is_channel = models.BooleanField(default=False)  # orders that customers place there are read
    is_default = models.BooleanField(default=False)  # takes the lines that no rule and no product link sends elsewhere

    # what the shop says of itself
    remote_id = models.CharField(max_length=200, blank=True)
    shop_domain = models.CharField(max_length=253, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    shop_time_zone = models.CharField(max_length=64, blank=True)
    shop_settings = models.JSONField(default=dict, blank=True)  # ShopInfo.settings: what its driver goes by
    shop_settings_at = models.DateTimeField(null=True, blank=True)  # when the shop told them last

    # health
    last_success_at = models.DateTimeField(null=True, blank=True)
    last_failure_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    webhooks_checked_at = models.DateTimeField(null=True, blank=True)
    webhook_topics = models.JSONField(default=list, blank=True)
    polled_until = models.DateTimeField(null=True, blank=True)  # watermark of the polling sweep
    poll_goes_on_from = models.DateTimeField(null=True, blank=True)  # where the last one was broken off; None: it ended
    poll_began_at = models.DateTimeField(null=True, blank=True)  # the first of those that go on from each other
    polled_at = models.DateTimeField(null=True, blank=True)  # when the sweep asked last
    whole_reads = models.PositiveIntegerField(default=0, db_default=0)  # how often all its products were read for a SKU
    whole_read_until = models.DateTimeField(
        null=True, blank=True
    )  # the lease of whoever is at it; see services.finding
    poll_error = models.CharField(max_length=300, blank=True)  # why the last sweep got no answer; empty: it got one

    # rate budget and circuit breaker; written by connectors.services.limits alone
    open_until = models.DateTimeField(null=True, blank=True)  # no call before: Retry-After or open circuit
    breaker_calls = models.PositiveIntegerField(default=0)  # in the current window
    breaker_failures = models.PositiveIntegerField(default=0)
    breaker_window_at = models.DateTimeField(null=True, blank=True)
    breaker_opened = models.PositiveSmallIntegerField(default=0)  # times in a row; 0 means closed
    breaker_successes = models.PositiveSmallIntegerField(default=0)  # while half open
    budget_available = models.FloatField(null=True, blank=True)
    budget_maximum = models.FloatField(null=True, blank=True)
    budget_restore_per_s = models.FloatField(null=True, blank=True)
    budget_at = models.DateTimeField(null=True, blank=True)
    # messages that speak to it now, where its platform bears so many at a time; written by connectors.services.places alone
    places = models.JSONField(default=list, blank=True, db_default=[])  # until when each counts, ISO 8601
    full_until = models.DateTimeField(null=True, blank=True)  # none is free before, unless somebody leaves
    place_kept_until = models.DateTimeField(null=True, blank=True)  # the next one that is free, for who found none
    requests_left = models.FloatField(null=True, blank=True)  # of the driver's pace, by our own count; None: all
    requests_at = models.DateTimeField(null=True, blank=True)

    created_at = models.DateTimeField(auto_now_add=True)

    objects = ConnectionManager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=ConnectionState.values), name="connection_state_known"),
            models.UniqueConstraint(
                fields=["merchant", "platform", "base_url"],
                condition=~Q(state="removed") & Q(remote_id=""),
                name="connection_shop_once_per_merchant",  # where the shop did not say which one it is
            ),
            models.UniqueConstraint(
                fields=["merchant", "platform", "remote_id"],
                condition=~Q(state="removed") & ~Q(remote_id=""),
                name="connection_remote_shop_once_per_merchant",  # under whichever of its addresses
            ),
            models.UniqueConstraint(
                fields=["merchant"], condition=Q(is_default=True), name="connection_default_once_per_merchant"
            ),
            models.CheckConstraint(
                condition=Q(source__isnull=True) | Q(is_default=False, remote_id="", shop_domain=""),
                name="connection_of_a_partner_tells_nothing",
            ),
            models.CheckConstraint(
                condition=Q(is_default=False) | (Q(is_destination=True) & ~Q(state="removed")),
                name="connection_default_is_a_destination",
            ),
            models.CheckConstraint(
                condition=Q(token_expires_at__isnull=False) | Q(refresh_expires_at__isnull=True),
                name="connection_refresh_only_for_access_that_runs_out",
            ),
        ]
        indexes = [
            models.Index(
                fields=["token_expires_at", "id"],
                condition=Q(state__in=["active", "paused"], token_expires_at__isnull=False),
                name="connection_to_renew",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def speaker_id(self) -> int:
        """The connection that talks to the store: the partner's, where this one stands for it."""
        return self.source_id or self.pk


class Location(models.Model):
    """A place of the shop where stock lies."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="locations")
    remote_id = models.CharField(max_length=200)
    name = models.CharField(max_length=200)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["connection", "remote_id"], name="location_once_per_connection")]

    def __str__(self) -> str:
        return self.name
