"""Who: people, merchants and what they may do, and the keys of integrations."""

from __future__ import annotations

import uuid
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower


class UserManager(BaseUserManager["User"]):
    """Users are found by e-mail address, in any case."""

    def create_user(self, email: str, password: str | None = None, **extra: Any) -> User:
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=self.normalize_email(email).lower(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **extra)

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username or "")


class User(AbstractUser):
    """A person who signs in with an e-mail address."""

    username = None  # type: ignore[assignment]  # AbstractUser's is replaced by the address
    email = models.EmailField("e-mail address", unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = UserManager()  # type: ignore[misc,assignment]  # no username to ask for

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_once_in_any_case")]

    def __str__(self) -> str:
        return self.email

    @property
    def display_name(self) -> str:
        return self.get_full_name() or self.email


def validate_time_zone(value: str) -> None:
    if value not in available_timezones():
        raise ValidationError("%(value)s is not a time zone.", params={"value": value})


class MerchantQuerySet(models.QuerySet["Merchant"]):
    def of_user(self, user: User) -> MerchantQuerySet:
        """The merchants this person is a member of."""
        return self.filter(memberships__user=user, is_active=True).order_by("name", "pk")


MerchantManager = models.Manager.from_queryset(MerchantQuerySet)


class Merchant(models.Model):
    """The selling business, with its order settings."""

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=60, unique=True)
    address1 = models.CharField("address", max_length=200, blank=True)
    address2 = models.CharField("address, second line", max_length=200, blank=True)
    city = models.CharField(max_length=100, blank=True)
    province_code = models.CharField("province or state", max_length=10, blank=True)
    postcode = models.CharField(max_length=20, blank=True)
    country_code = models.CharField("country", max_length=2, default="NZ")
    time_zone = models.CharField(max_length=64, default="Pacific/Auckland", validators=[validate_time_zone])
    currency = models.CharField(max_length=3, default="NZD")
    auto_accept = models.BooleanField(default=False)
    confirm_within_hours = models.PositiveSmallIntegerField(default=120)  # the merchant's own limit; 5 days
    alert_addresses = models.JSONField(default=list, blank=True)  # e-mail addresses told of problems
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MerchantManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(confirm_within_hours__gte=1, confirm_within_hours__lte=720),
                name="merchant_confirm_within_1_to_720_hours",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def day_bounds(self, day: date) -> tuple[datetime, datetime]:
        """First instant of the merchant's day and of the next one; the end is exclusive."""
        start = datetime.combine(day, time.min, tzinfo=self.zone)
        return start, datetime.combine(day + timedelta(days=1), time.min, tzinfo=self.zone)


class Marketplace(models.Model):
    """A place where customers buy and that hands orders to us over the API."""

    name = models.CharField(max_length=80, unique=True)
    slug = models.SlugField(max_length=60, unique=True)
    support_email = models.EmailField(blank=True)
    merchants = models.ManyToManyField(Merchant, related_name="marketplaces", blank=True)
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    OWNER = "owner", "Owner"  # everything, team and keys included
    MANAGER = "manager", "Manager"  # orders, connections, settings
    VIEWER = "viewer", "Viewer"  # looks, changes nothing


class Membership(models.Model):
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "merchant"], name="membership_once_per_merchant"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.merchant} · {self.role}"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def of(self, merchant: Merchant) -> InvitationQuerySet:
        return self.filter(merchant=merchant)

    def open(self, *, at: datetime) -> InvitationQuerySet:
        """Neither accepted nor withdrawn nor run out at `at`."""
        return self.filter(accepted_at=None, revoked_at=None, expires_at__gt=at)


InvitationManager = models.Manager.from_queryset(InvitationQuerySet)


class Invitation(models.Model):
    """A person asked by e-mail to join a merchant. The link's token is kept as a digest only."""

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=10, choices=Role)
    token_digest = models.CharField(max_length=64, unique=True)  # hex SHA-256
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "email"],
                condition=Q(accepted_at=None, revoked_at=None),
                name="invitation_one_open_per_address",
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="invitation_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.email} · {self.merchant}"


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def of(self, merchant: Merchant) -> ApiKeyQuerySet:
        return self.filter(merchant=merchant)


ApiKeyManager = models.Manager.from_queryset(ApiKeyQuerySet)


class ApiKey(models.Model):
    """A key of a marketplace or of one merchant. The secret is shown once and kept as a digest."""

    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12, unique=True)  # shown; finds the row
    digest = models.CharField(max_length=64)  # hex SHA-256 of the whole key
    marketplace = models.ForeignKey(
        Marketplace, on_delete=models.CASCADE, null=True, blank=True, related_name="api_keys"
    )
    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, null=True, blank=True, related_name="api_keys")
    can_write = models.BooleanField(default=False)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)  # to the minute, not to the call
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiKeyManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(marketplace__isnull=True, merchant__isnull=False)
                | Q(marketplace__isnull=False, merchant__isnull=True),
                name="api_key_of_marketplace_or_merchant",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    def of(self, merchant: Merchant) -> AuditEventQuerySet:
        return self.filter(merchant=merchant)


AuditEventManager = models.Manager.from_queryset(AuditEventQuerySet)


class AuditEvent(models.Model):
    """A change to anything but an order: who did what to which thing, and when. Never changed."""

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="audit_events", null=True, blank=True)
    at = models.DateTimeField()
    by = models.CharField(max_length=254)
    kind = models.CharField(max_length=60)  # "member.invited", "connection.paused"
    subject = models.CharField(max_length=200, blank=True)
    data = models.JSONField(default=dict, blank=True)  # what changed; never a secret

    objects = AuditEventManager()

    class Meta:
        indexes = [models.Index(fields=["merchant", "-at", "-id"], name="audit_merchant_newest")]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


def new_public_id() -> str:
    """A random id for URLs, 32 hex digits."""
    return uuid.uuid4().hex
