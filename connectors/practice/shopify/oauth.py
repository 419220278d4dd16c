"""Shopify's authorization pages and token address, by shopify.dev's description of November 2026."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from connectors.practice import apps, dials, faults
from connectors.practice.apps import AppRefused, Kind, Pair
from connectors.practice.models import PracticeShop

TOKENS = Kind("shpat_", "shprt_", timedelta(hours=1), timedelta(days=90), repeats=True)

_SCOPE = re.compile(r"(?:read|write)_[a-z_]+")
_WORDS = {
    "invalid_request": "The authorization code was not found or was already used",
    "invalid_grant": "The refresh token is not valid, was used, or has run out",
}


@login_not_required
@require_http_methods(["GET", "POST"])
def authorize(request: HttpRequest, slug: str) -> HttpResponse:
    """The page that asks the merchant; its answer goes back with the browser."""
    shop = get_object_or_404(PracticeShop, platform="shopify", slug=slug)
    asked = request.GET
    scopes = list(filter(None, asked.get("scope", "").split(",")))
    refused = _refusal(asked, scopes)
    if refused:
        return HttpResponse(f"Oauth error {refused}", status=400, content_type="text/plain")
    if request.method == "GET":
        return render(request, "practice/authorize.html", {"shop": shop, "app": "Storeward", "scopes": scopes})
    if "approve" not in request.POST:
        return _back(shop, asked, {"error": "access_denied"})
    granted = [scope for scope in scopes if scope not in request.POST.getlist("without")]
    code = apps.issue_code(shop, redirect_uri=asked["redirect_uri"], scopes=granted, at=timezone.now())
    return _back(shop, asked, {"code": code})


@csrf_exempt
@login_not_required
@require_POST
def access_token(request: HttpRequest, slug: str) -> HttpResponse:
    """A code, or a refresh token, for the pair that follows."""
    shop = get_object_or_404(PracticeShop, platform="shopify", slug=slug)
    fault = faults.before(shop)
    if fault is not None:
        return fault
    given = _body(request)
    if not apps.is_app("shopify", str(given.get("client_id", "")), str(given.get("client_secret", ""))):
        return _error("invalid_client", "The application is unknown or its secret is wrong", status=401)
    try:
        pair = _pair(shop, given)
    except AppRefused as refusal:
        return _error(str(refusal), _WORDS[str(refusal)])
    if dials.take(shop, "lost_access") is not None:
        return HttpResponse("Internal Server Error", status=500, content_type="text/plain")
    return faults.after(shop, JsonResponse(_reply(pair)), creates=False)


def _pair(shop: PracticeShop, given: Mapping[str, Any]) -> Pair:
    at = timezone.now()
    if given.get("grant_type") == "refresh_token":
        if dials.take(shop, "refused_access") is not None:
            raise AppRefused("invalid_grant")
        return apps.rotate(shop, str(given.get("refresh_token", "")), TOKENS, at=at)
    if str(given.get("expiring")) != "1":
        raise AppRefused("invalid_request")  # a public app is given access that expires, and none else
    return apps.redeem(shop, str(given.get("code", "")), TOKENS, at=at)


def _refusal(asked: Mapping[str, str], scopes: list[str]) -> str:
    if not apps.is_key("shopify", asked.get("client_id", "")):
        return "application_cannot_be_found: The application could not be found."
    if not apps.is_registered("shopify", asked.get("redirect_uri", "")):
        return "invalid_request: The redirect_uri is not whitelisted"
    if not scopes or not all(_SCOPE.fullmatch(scope) for scope in scopes):
        return "invalid_scope: The scope is missing or unknown"
    return ""


def _back(shop: PracticeShop, asked: Mapping[str, str], answer: Mapping[str, str]) -> HttpResponse:
    """To the app, signed over everything that is said."""
    host = base64.urlsafe_b64encode(f"admin.shopify.com/store/{shop.slug}".encode()).decode().rstrip("=")
    said = {
        **answer,
        "host": host,
        "shop": shop.domain,
        "state": asked.get("state", ""),
        "timestamp": str(int(timezone.now().timestamp())),
    }
    text = "&".join(f"{name}={value}" for name, value in sorted(said.items()))
    signature = hmac.new(apps.secret("shopify").encode(), text.encode(), hashlib.sha256).hexdigest()
    return HttpResponseRedirect(f"{asked['redirect_uri']}?{urlencode({**said, 'hmac': signature})}")


def _body(request: HttpRequest) -> Mapping[str, Any]:
    """JSON or a form."""
    if request.content_type != "application/json":
        return request.POST.dict()
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        body = None
    return body if isinstance(body, dict) else {}


def _reply(pair: Pair) -> dict[str, Any]:
    now = timezone.now()
    return {
        "access_token": pair.access.value,
        "scope": ",".join(pair.access.scopes),
        "expires_in": round((pair.access.expires_at - now).total_seconds()),
        "refresh_token": pair.refresh.value,
        "refresh_token_expires_in": round((pair.refresh.expires_at - now).total_seconds()),
    }


def _error(error: str, description: str, *, status: int = 400) -> JsonResponse:
    return JsonResponse({"error": error, "error_description": description}, status=status)
