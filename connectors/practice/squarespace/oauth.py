"""Squarespace's login for apps and its token address, by developers.squarespace.com/oauth of November 2026."""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
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
from connectors.practice.squarespace import answers

TOKENS = Kind("", "", timedelta(minutes=30), timedelta(days=7), repeats=False)
SCOPES = frozenset(
    {
        "website.orders",
        "website.orders.read",
        "website.inventory",
        "website.inventory.read",
        "website.products",
        "website.products.read",
        "website.transactions.read",
        "website.contacts.read",
    }
)


@login_not_required
@require_http_methods(["GET", "POST"])
def authorize(request: HttpRequest, slug: str) -> HttpResponse:
    """The page that asks the site's owner; its answer goes back with the browser, unsigned."""
    shop = get_object_or_404(PracticeShop, platform="squarespace", slug=slug)
    asked = request.GET
    scopes = list(filter(None, asked.get("scope", "").split(",")))
    refused = _refusal(asked, scopes)
    if refused:
        return HttpResponse(refused, status=400, content_type="text/plain")
    if request.method == "GET":
        return render(request, "practice/authorize.html", {"shop": shop, "app": "Storeward", "scopes": scopes})
    if "approve" not in request.POST:
        return _back(asked, {"error": "access_denied"})
    granted = [scope for scope in scopes if scope not in request.POST.getlist("without")]
    code = apps.issue_code(shop, redirect_uri=asked["redirect_uri"], scopes=granted, at=timezone.now())
    return _back(asked, {"code": code})


@csrf_exempt
@login_not_required
@require_POST
def tokens(request: HttpRequest, slug: str) -> HttpResponse:
    """A code, or a refresh token, for the pair that follows."""
    shop = get_object_or_404(PracticeShop, platform="squarespace", slug=slug)
    fault = faults.before(shop)
    if fault is not None:
        return fault
    if not request.headers.get("User-Agent"):
        return answers.problem("Bad Request", "A User-Agent header is required.", status=400, instance=request.path)
    if not apps.is_app("squarespace", *_basic(request.headers.get("Authorization", ""))):
        return JsonResponse({"error": "invalid_client"}, status=401)
    try:
        pair = _pair(shop, _body(request))
    except AppRefused as refusal:
        return JsonResponse({"error": str(refusal)}, status=400)
    if dials.take(shop, "lost_access") is not None:
        return HttpResponse("Internal Server Error", status=500, content_type="text/plain")
    return faults.after(shop, JsonResponse(_reply(pair)), creates=False)


def _pair(shop: PracticeShop, given: Mapping[str, Any]) -> Pair:
    at = timezone.now()
    if given.get("grant_type") == "refresh_token":
        if dials.take(shop, "refused_access") is not None:
            raise AppRefused("invalid_grant")
        return apps.rotate(shop, str(given.get("refresh_token", "")), TOKENS, at=at)
    if given.get("grant_type") != "authorization_code":
        raise AppRefused("unsupported_grant_type")
    redirect_uri = str(given.get("redirect_uri", ""))
    return apps.redeem(shop, str(given.get("code", "")), TOKENS, at=at, redirect_uri=redirect_uri)


def _refusal(asked: Mapping[str, str], scopes: list[str]) -> str:
    if not apps.is_key("squarespace", asked.get("client_id", "")):
        return "Unknown client_id."
    if not apps.is_registered("squarespace", asked.get("redirect_uri", "")):
        return "The redirect_uri is not registered."
    if not scopes or not SCOPES.issuperset(scopes):
        return "The scope is missing or unknown."
    if not asked.get("state"):
        return "The state is missing."
    return "" if asked.get("access_type") == "offline" else "Only offline access is practised here."


def _back(asked: Mapping[str, str], answer: Mapping[str, str]) -> HttpResponse:
    return HttpResponseRedirect(f"{asked['redirect_uri']}?{urlencode({**answer, 'state': asked['state']})}")


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    try:
        key, _, secret = b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return (key, secret) if scheme == "Basic" else ("", "")


def _body(request: HttpRequest) -> Mapping[str, Any]:
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        body = None
    return body if isinstance(body, dict) else {}


def _reply(pair: Pair) -> dict[str, Any]:
    """Times are Unix seconds."""
    return {
        "token_type": "bearer",
        "access_token": pair.access.value,
        "access_token_expires_at": pair.access.expires_at.timestamp(),
        "refresh_token": pair.refresh.value,
        "refresh_token_expires_at": pair.refresh.expires_at.timestamp(),
    }
