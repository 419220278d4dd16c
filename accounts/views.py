"""Pages about people and the business: team, invitations, API keys, business profile."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.decorators import merchant_required, role_required
from accounts.forms import ApiKeyForm, InviteForm, ProfileForm, RoleForm, SignUpForm
from accounts.http import MerchantRequest
from accounts.middleware import SESSION_KEY
from accounts.models import ApiKey, Invitation, Membership, Merchant, Role, User
from accounts.services import api_keys, members, merchants
from accounts.services.members import MemberError

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@require_GET
@merchant_required
def team(request: MerchantRequest) -> HttpResponse:
    return _team_page(request, InviteForm())


@require_POST
@role_required(Role.OWNER)
def invite(request: MerchantRequest) -> HttpResponse:
    form = InviteForm(request.POST)
    if form.is_valid():
        try:
            invitation = members.invite(
                merchant_id=request.merchant.pk,
                email=form.cleaned_data["email"],
                role=Role(form.cleaned_data["role"]),
                invited_by=request.user,
                at=timezone.now(),
            )
        except MemberError as error:
            form.add_error("email", str(error))
        else:
            messages.success(request, f"Invited {invitation.email}. The link is valid for a week.")
            return redirect("accounts:team")
    return _team_page(request, form)


@require_POST
@role_required(Role.OWNER)
def invitation_withdraw(request: MerchantRequest, invitation_id: int) -> HttpResponse:
    invitation = get_object_or_404(Invitation.objects.of(request.merchant), pk=invitation_id)
    members.withdraw(invitation_id=invitation.pk, by=request.user.get_username(), at=timezone.now())
    messages.success(request, f"The invitation of {invitation.email} is withdrawn.")
    return redirect("accounts:team")


@require_POST
@role_required(Role.OWNER)
def member_role(request: MerchantRequest, membership_id: int) -> HttpResponse:
    membership = get_object_or_404(Membership, merchant=request.merchant, pk=membership_id)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, "There is no such role.")
        return redirect("accounts:team")
    try:
        role = Role(form.cleaned_data["role"])
        members.change_role(membership_id=membership.pk, role=role, by=request.user.get_username(), at=timezone.now())
    except MemberError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{membership.user.display_name} is now {role.label.lower()}.")
    return redirect("accounts:team")


@require_POST
@role_required(Role.OWNER)
def member_remove(request: MerchantRequest, membership_id: int) -> HttpResponse:
    membership = get_object_or_404(Membership, merchant=request.merchant, pk=membership_id)
    try:
        members.remove(membership_id=membership.pk, by=request.user.get_username(), at=timezone.now())
    except MemberError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{membership.user.display_name} can no longer see {request.merchant.name}.")
    return redirect("accounts:team")


@never_cache
@login_not_required
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """The link of an invitation: sign up, or join as the person who is signed in."""
    found = members.find(token, at=timezone.now())
    if found is None:
        return render(request, "accounts/invitation_ended.html", status=410)
    if request.user.is_authenticated:
        return _accept_signed_in(request, request.user, found, token)
    if User.objects.filter(email=found.email).exists():
        return render(request, "accounts/invitation_sign_in.html", {"invitation": found})
    return _accept_signing_up(request, found, token)


@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Work for another of one's merchants."""
    chosen = get_object_or_404(Merchant.objects.of_user(request.user), slug=request.POST.get("merchant", ""))  # type: ignore[arg-type]
    request.session[SESSION_KEY] = chosen.pk
    return redirect("orders:list")


@never_cache
@require_http_methods(["GET", "POST"])
@role_required(Role.OWNER)
def keys(request: MerchantRequest) -> HttpResponse:
    form, secret = ApiKeyForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        _, secret = api_keys.issue(
            name=form.cleaned_data["name"],
            can_write=form.cleaned_data["can_write"],
            expires_at=form.expires_at(),
            merchant=request.merchant,
            created_by=request.user,
            by=request.user.get_username(),
            at=timezone.now(),
        )
        form = ApiKeyForm()
    rows = ApiKey.objects.of(request.merchant).order_by("revoked_at", "-created_at", "-pk")
    return render(request, "accounts/keys.html", {"keys": rows, "form": form, "secret": secret, "now": timezone.now()})


@require_POST
@role_required(Role.OWNER)
def key_revoke(request: MerchantRequest, key_id: int) -> HttpResponse:
    key = get_object_or_404(ApiKey.objects.of(request.merchant), pk=key_id)
    api_keys.revoke(key_id=key.pk, by=request.user.get_username(), at=timezone.now())
    messages.success(request, f"{key.name} no longer works.")
    return redirect("accounts:keys")


@require_http_methods(["GET", "POST"])
@role_required(Role.OWNER)
def profile(request: MerchantRequest) -> HttpResponse:
    fresh = Merchant.objects.get(pk=request.merchant.pk)  # the form writes into it what was typed
    form = ProfileForm(request.POST or None, instance=fresh)
    if request.method == "POST" and form.is_valid():
        merchants.save(
            merchant_id=request.merchant.pk, by=request.user.get_username(), at=timezone.now(), **form.cleaned_data
        )
        messages.success(request, "Saved.")
        return redirect("accounts:profile")
    return render(request, "accounts/profile.html", {"form": form})


def _team_page(request: MerchantRequest, form: InviteForm) -> HttpResponse:
    context = {
        "memberships": Membership.objects.filter(merchant=request.merchant).select_related("user").order_by("pk"),
        "invitations": Invitation.objects.of(request.merchant).open(at=timezone.now()).order_by("-created_at", "-pk"),
        "form": form,
        "roles": Role.choices,
    }
    return render(request, "accounts/team.html", context, status=422 if form.is_bound else 200)


def _accept_signed_in(request: HttpRequest, user: User, found: Invitation, token: str) -> HttpResponse:
    context = {"invitation": found, "other": user.email != found.email}
    if request.method == "POST":
        try:
            merchant = members.accept(token=token, user=user, at=timezone.now())
        except MemberError as error:
            messages.error(request, str(error))
        else:
            request.session[SESSION_KEY] = merchant.pk
            messages.success(request, f"You now work for {merchant.name}.")
            return redirect("orders:list")
    return render(request, "accounts/invitation_accept.html", context)


def _accept_signing_up(request: HttpRequest, found: Invitation, token: str) -> HttpResponse:
    form = SignUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = members.sign_up(token=token, at=timezone.now(), **form.cleaned_data)
        except MemberError as error:
            form.add_error(None, str(error))
        else:
            login(request, user, backend=BACKEND)
            return redirect("orders:list")
    return render(request, "accounts/invitation_sign_up.html", {"invitation": found, "form": form})
