"""Connecting on the platform's own page: begin, come back, or begin again for a connection that lost its access."""

from __future__ import annotations

import json
import secrets

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.decorators import role_required
from accounts.http import MerchantRequest
from accounts.models import Role
from connectors import registry
from connectors.errors import ConnectorError
from connectors.forms import AuthorizeForm
from connectors.models import Connection
from connectors.services import apps, authorizing, connections, practice
from connectors.services.authorizing import Arrival, NotYet, TripRefused
from connectors.services.connections import StateRefused
from connectors.webhooks import BodyRefusedError, body_of

NONCE = "authorizing"  # in the session: a value that only this browser has


@never_cache
@require_http_methods(["GET", "POST"])
@role_required(Role.MANAGER)
def authorize(request: MerchantRequest, platform: str) -> HttpResponse:
    """Which shop; then the way to its page. `?shop=` is what a platform's app store calls with."""
    known = next((known for known in registry.platforms() if known.key == platform), None)
    if known is None or not apps.can_authorize(platform):
        raise Http404
    posted = practice.completed(request.POST, platform) if request.method == "POST" else None
    form = AuthorizeForm(posted, platform=platform, initial={"base_url": request.GET.get("shop", "")[:300]})
    if form.is_valid():
        try:
            return _go(request, platform, form.base_url, known.label)
        except TripRefused as refusal:
            form.add_error(None, str(refusal))
    context = {"platform": known, "form": form, "offers": practice.offers(request.merchant, platform)}
    return render(request, "connectors/authorize.html", context, status=422 if form.errors else 200)


@never_cache
@require_POST
@role_required(Role.MANAGER)
def reauthorize(request: MerchantRequest, public_id: str) -> HttpResponse:
    """The same for a connection that stands."""
    standing = Connection.objects.of(request.merchant).standing().own()
    connection = get_object_or_404(standing, public_id=public_id)
    label = registry.connector_class(connection.platform).label
    try:
        return _go(request, connection.platform, connection.base_url, label, connection_id=connection.pk)
    except TripRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("connectors:reconnect", public_id)


@never_cache
@require_GET
@role_required(Role.MANAGER)
def authorized(request: MerchantRequest, platform: str) -> HttpResponse:
    """The browser is back from the platform."""
    if platform not in {known.key for known in registry.platforms()}:
        raise Http404
    try:
        arrival = authorizing.finish(
            merchant_id=request.merchant.pk,
            platform=platform,
            query=request.META.get("QUERY_STRING", ""),
            session_nonce=request.session.get(NONCE, ""),
            by=request.user.get_username(),
            at=timezone.now(),
        )
    except NotYet:
        return render(request, "connectors/authorize_wait.html", {"again": request.get_full_path()})
    except (TripRefused, ConnectorError, StateRefused) as refusal:
        context = {"refusal": str(refusal), "platform": platform}
        return render(request, "connectors/authorize_refused.html", context, status=422)
    _say(request, arrival)
    return redirect("connectors:detail", arrival.connection.public_id)


@csrf_exempt
@login_not_required
@require_POST
def authorized_keys(request: MerchantRequest, platform: str) -> HttpResponse:
    """A store posts its keys by itself. Anything but 200 makes it delete them and tell the merchant."""
    try:
        body = json.loads(body_of(request))
    except BodyRefusedError as refusal:
        return HttpResponse(status=refusal.status)
    except (ValueError, RecursionError):
        return HttpResponse(status=400)
    try:
        taken = isinstance(body, dict) and authorizing.receive(platform=platform, body=body, at=timezone.now())
    except TripRefused:
        taken = False
    return HttpResponse(status=200 if taken else 404)


def _go(
    request: MerchantRequest, platform: str, base_url: str, label: str, *, connection_id: int | None = None
) -> HttpResponse:
    """A page that goes on to the platform: a redirect after a form may not leave the portal (form-action)."""
    nonce = request.session.setdefault(NONCE, secrets.token_urlsafe(32))
    url = authorizing.start(
        merchant_id=request.merchant.pk,
        platform=platform,
        base_url=base_url,
        session_nonce=nonce,
        by=request.user.get_username(),
        at=timezone.now(),
        connection_id=connection_id,
    )
    return render(request, "connectors/authorize_go.html", {"url": url, "label": label})


def _say(request: MerchantRequest, arrival: Arrival) -> None:
    connection = arrival.connection
    if arrival.is_new:
        messages.success(request, connections.welcome(connection))
    else:
        messages.success(request, f"{connection.name} is connected again. Waiting orders go on.")
    if arrival.missing_scopes:
        lacking = ", ".join(arrival.missing_scopes)
        messages.warning(request, f"Storeward was not given all permissions that it needs: {lacking}.")
    if connection.currency != request.merchant.currency:
        text = f"The store sells in {connection.currency}: orders in another currency will be blocked."
        messages.warning(request, text)
    if connections.register_webhooks(connection_id=connection.pk, at=timezone.now()):
        messages.warning(request, "Webhooks could not be set up yet. Changes are found by asking the store regularly.")
