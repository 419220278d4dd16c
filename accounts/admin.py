"""The operator's view of people, merchants and keys. Digests are never shown; the audit trail cannot be changed."""

from __future__ import annotations

from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.mfa import admin as _mfa_admin  # noqa: F401  # registers its own page, which shows the secrets
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.forms import MarketplaceKeyForm, MerchantAdminForm, NewUserForm
from accounts.models import ApiKey, AuditEvent, Invitation, Marketplace, Membership, Merchant, User
from accounts.services import api_keys, merchants

admin.site.site_header = admin.site.site_title = "Storeward"
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # allauth's limits and MFA


@admin.register(User)
class UserAdmin(DjangoUserAdmin):  # type: ignore[type-arg]
    add_form = NewUserForm
    ordering = ("email",)
    list_display = ("email", "first_name", "last_name", "is_staff", "is_active", "last_login")
    search_fields = ("email", "first_name", "last_name")
    fieldsets = (
        (None, {"fields": ("email", "password")}),
        ("Person", {"fields": ("first_name", "last_name")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("email", "password1", "password2")}),)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Whom staff add may sign in: staff vouch for the address."""
        super().save_model(request, obj, form, change)
        if not change:
            EmailAddress.objects.create(user=obj, email=obj.email, verified=True, primary=True)


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]
    """Who belongs to the merchant. Its owners say so, on their team's page: there is always one."""

    model = Membership
    extra = 0
    fields = readonly_fields = ("user", "role", "created_at")
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Merchant)
class MerchantAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Staff may correct the profile and close a merchant; a new one is made by `create_merchant`, with its owner."""

    list_display = ("name", "slug", "currency", "time_zone", "auto_accept", "is_active")
    search_fields = ("name", "slug")
    list_filter = ("is_active", "currency")
    readonly_fields = ("slug", "auto_accept", "confirm_within_hours", "alert_addresses", "created_at")
    form = MerchantAdminForm
    inlines = (MembershipInline,)

    def save_model(self, request: HttpRequest, obj: Merchant, form: Any, change: bool) -> None:
        fields = {name: form.cleaned_data[name] for name in form.changed_data}
        merchants.save(merchant_id=obj.pk, by=_who(request), at=timezone.now(), **fields)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Marketplace)
class MarketplaceAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "slug", "is_active")
    filter_horizontal = ("merchants",)


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows that only the services write."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


admin.site.unregister(Authenticator)


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnlyAdmin):
    """A factor that somebody lost may be removed; its secret is never shown."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    search_fields = ("user__email",)
    exclude = ("data",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    list_display = ("user", "merchant", "role")
    list_filter = ("role",)
    search_fields = ("user__email", "merchant__name")


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    list_display = ("merchant", "role", "created_at", "expires_at", "accepted_at", "revoked_at")
    exclude = ("token_digest",)


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """Marketplaces get their keys here; any key can be ended. A key is shown once, on the page that follows."""

    list_display = (
        "name",
        "prefix",
        "marketplace",
        "merchant",
        "can_write",
        "expires_at",
        "last_used_at",
        "revoked_at",
    )
    search_fields = ("name", "prefix")
    list_filter = ("marketplace",)
    exclude = ("digest",)
    actions = ("revoke",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return admin.ModelAdmin.has_add_permission(self, request)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return admin.ModelAdmin.has_change_permission(self, request)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None) -> Any:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = MarketplaceKeyForm(request.POST if request.method == "POST" else None)
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": "New key", "form": form}
        if form.is_valid():
            key, context["secret"] = self._issue(form, by=_who(request))
            self.log_addition(request, key, [{"added": {}}])
        return TemplateResponse(request, "admin/accounts/apikey/new.html", context)

    @staticmethod
    def _issue(form: MarketplaceKeyForm, *, by: str) -> tuple[ApiKey, str]:
        return api_keys.issue(
            name=form.cleaned_data["name"],
            can_write=form.cleaned_data["can_write"],
            expires_at=form.expires_at(),
            marketplace=form.cleaned_data["marketplace"],
            by=by,
            at=timezone.now(),
        )

    @admin.action(description="Revoke the chosen keys at once", permissions=["revoke"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[ApiKey]) -> None:
        standing = chosen.filter(revoked_at=None)
        ended = [api_keys.revoke(key_id=key.pk, by=_who(request), at=timezone.now()) for key in standing]
        self.message_user(request, f"{len(ended)} revoked.")


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "merchant", "kind", "subject", "by")
    list_filter = ("kind",)
    search_fields = ("subject", "by")
    date_hierarchy = "at"


def _who(request: HttpRequest) -> str:
    return request.user.get_username()
