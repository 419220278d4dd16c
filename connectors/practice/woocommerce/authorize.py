"""WooCommerce's one-click authorization, as a real store behaved in November 2026."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods

from connectors.errors import ConnectorError
from connectors.http import HttpClient
from connectors.practice.models import PracticeShop
from connectors.practice.woocommerce.platform import VERSION

REQUIRED = ("app_name", "scope", "user_id", "return_url", "callback_url")
SCOPES = frozenset({"read", "write", "read_write"})
DEADLINE_S = 15.0


@login_not_required
@require_http_methods(["GET", "POST"])
def authorize(request: HttpRequest, slug: str) -> HttpResponse:
    """The store's page. On approval it posts its key, and only if that was taken sends the browser back."""
    shop = get_object_or_404(PracticeShop, platform="woocommerce", slug=slug)
    asked = request.GET
    refused = _refusal(asked)
    if refused:
        return _page(f"Error: {refused}")
    if request.method == "GET":
        context = {"shop": shop, "app": asked["app_name"], "scopes": [asked["scope"]], "whole": True}
        return render(request, "practice/authorize.html", context)
    if "approve" not in request.POST:
        return _back(asked, success=0)
    if not _hand_over(shop, asked):
        return _page("Error: An error occurred in the request and at the time were unable to send the consumer data.")
    return _back(asked, success=1)


def _refusal(asked: Mapping[str, str]) -> str:
    for name in REQUIRED:
        if not asked.get(name):
            return f"Missing parameter {name}."
    if asked["scope"] not in SCOPES:
        return f"Invalid scope {asked['scope']}."
    if not _is_safe(asked["callback_url"]):
        return "The callback_url needs to be over SSL."
    return ""


def _is_safe(url: str) -> bool:
    """https, or this very portal that is tried out."""
    return urlsplit(url).scheme == "https" or url.startswith(f"{settings.BASE_URL}/")


def _hand_over(shop: PracticeShop, asked: Mapping[str, str]) -> bool:
    """Exactly 200 counts as taken."""
    keys = {
        "key_id": shop.pk,
        "user_id": asked["user_id"],
        "consumer_key": shop.access_token,
        "consumer_secret": shop.settings["consumer_secret"],
        "key_permissions": asked["scope"],
    }
    headers = {"User-Agent": f"WordPress/6.8.8; WooCommerce/{VERSION}"}
    with closing(HttpClient(allow_loopback=True, deadline_s=DEADLINE_S)) as http:
        try:
            answer = http.request(
                "POST", asked["callback_url"], headers=headers, json=keys, operation="wc-auth", changes=True
            )
        except ConnectorError:
            return False
    return answer.status == 200


def _back(asked: Mapping[str, str], *, success: int) -> HttpResponse:
    said = urlencode({"success": success, "user_id": asked["user_id"]})
    return HttpResponseRedirect(f"{asked['return_url']}?{said}")


def _page(text: str) -> HttpResponse:
    return HttpResponse(text, status=401, content_type="text/plain")
