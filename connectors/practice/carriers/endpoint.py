"""The doors of a practice UPS: the token, pickups on call, what is pending, calling off; and its own page."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from datetime import timedelta

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from connectors.practice.carriers import rules
from connectors.practice.carriers.door import door, read_body, refusal, success
from connectors.practice.carriers.models import Fault, PracticeCarrier, PracticeCarrierPickup

TOKEN_LIVES = timedelta(seconds=14399)
PENDING_DAYS = timedelta(days=1)  # "for today and tomorrow only"
CHARGE = "6.65"
_DISPATCHED = "002"


@csrf_exempt
@login_not_required
@require_POST
def token(request: HttpRequest, slug: str) -> HttpResponse:
    carrier = get_object_or_404(PracticeCarrier, slug=slug)
    if request.POST.get("grant_type") != "client_credentials":
        return refusal(400, "10400", "Invalid/Missing Grant Type")
    given, wanted = _basic(request), f"{carrier.client_id}:{carrier.client_secret}"
    if not hmac.compare_digest(given.encode(), wanted.encode()):
        return refusal(401, "10401", "ClientId is Invalid")
    carrier.token, carrier.token_expires_at = secrets.token_urlsafe(40), timezone.now() + TOKEN_LIVES
    carrier.save(update_fields=["token", "token_expires_at"])
    lives = str(int(TOKEN_LIVES.total_seconds()))
    return JsonResponse(
        {"token_type": "Bearer", "access_token": carrier.token, "expires_in": lives, "status": "approved"}
    )


@require_http_methods(["GET", "POST"])
@door
def oncall(request: HttpRequest, carrier: PracticeCarrier) -> HttpResponse:
    """POST: what it would cost. GET: what is pending, by the account number in a header."""
    if request.method == "POST":
        wish = read_body(request, "PickupRateRequest")
        rules.check_quote(carrier, wish, at=timezone.now())
        return success("PickupRateResponse", {"RateResult": _rate()})
    if request.headers.get("AccountNumber") != carrier.account_number:
        return refusal(400, "9510105", "Invalid shipper account number or country.")
    last = timezone.now().date() + PENDING_DAYS
    rows = carrier.pickups.filter(service_date__lte=last, cancelled_at=None).order_by("pk")
    listed = [
        {
            "PickupType": "01",
            "ServiceDate": f"{row.service_date:%Y%m%d}",
            "PRN": row.prn,
            "PickupStatusMessage": _DISPATCHED,
            "ReferenceNumber": row.reference,
        }
        for row in rows
    ]
    return success("PickupPendingStatusResponse", {"PendingStatus": listed})


@require_POST
@door
def create(request: HttpRequest, carrier: PracticeCarrier) -> HttpResponse:
    """The same PRN again when a pickup stands for the same address and day."""
    wish = read_body(request, "PickupCreationRequest")
    day = rules.check(carrier, wish, at=timezone.now())
    with transaction.atomic():
        carrier = PracticeCarrier.objects.select_for_update().get(pk=carrier.pk)
        standing = carrier.pickups.filter(service_date=day, cancelled_at=None)
        row = next((row for row in standing if row.body["PickupAddress"] == wish["PickupAddress"]), None)
        if row is None:
            row = PracticeCarrierPickup.objects.create(
                carrier=carrier,
                prn=f"29{secrets.token_hex(5).upper()}"[:11],
                reference=wish.get("ReferenceNumber", ""),
                service_date=day,
                body=wish,
                created_at=timezone.now(),
            )
        loses = carrier.loses_next_answer
        PracticeCarrier.objects.filter(pk=carrier.pk).update(loses_next_answer=False)
    if loses:
        return HttpResponse("", status=504)
    rated = {"RateResult": _rate()} if wish["RatePickupIndicator"] == "Y" else {}
    return success(
        "PickupCreationResponse",
        {"PRN": row.prn, "RateStatus": {"Code": "01", "Description": "Rate available"}, **rated},
    )


@require_http_methods(["DELETE"])
@door
def cancel(request: HttpRequest, carrier: PracticeCarrier) -> HttpResponse:
    prn = request.headers.get("Prn", "")
    if not carrier.pickups.filter(prn=prn, cancelled_at=None).update(cancelled_at=timezone.now()):
        return refusal(400, "9510117", "The pickup cannot be found, or is called off already.")
    return success("PickupCancelResponse", {"PickupType": "01"})


# --- its own page ----------------------------------------------------------------------------------


@login_not_required
@require_GET
def page(request: HttpRequest, slug: str) -> HttpResponse:
    carrier = get_object_or_404(PracticeCarrier, slug=slug)
    pickups = carrier.pickups.order_by("-created_at", "-pk")[:50]
    context = {
        "carrier": carrier,
        "pickups": pickups,
        "labels": carrier.labels.order_by("-created_at", "-pk")[:50],
        "faults": Fault.choices,
    }
    return render(request, "practice/carrier.html", context)


@login_not_required
@require_POST
def lose_answer(request: HttpRequest, slug: str) -> HttpResponse:
    PracticeCarrier.objects.filter(slug=slug).update(loses_next_answer=True)
    return redirect("practice:carrier", slug)


@login_not_required
@require_POST
def fault(request: HttpRequest, slug: str) -> HttpResponse:
    """The next call meets it."""
    if request.POST.get("fault") in Fault.values:
        PracticeCarrier.objects.filter(slug=slug).update(next_fault=request.POST["fault"])
    return redirect("practice:carrier", slug)


def open_carrier(*, slug: str, name: str, country_code: str, time_zone: str) -> PracticeCarrier:
    """A customer of UPS with an account; the one that exists."""
    made = {
        "name": name,
        "client_id": secrets.token_hex(20),
        "client_secret": secrets.token_hex(24),
        "account_number": secrets.token_hex(3).upper(),
        "country_code": country_code,
        "time_zone": time_zone,
    }
    return PracticeCarrier.objects.get_or_create(slug=slug, defaults=made)[0]


def _basic(request: HttpRequest) -> str:
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    try:
        return base64.b64decode(given, validate=True).decode() if kind == "Basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _rate() -> dict[str, str]:
    return {"RateType": "FD", "CurrencyCode": "USD", "GrandTotalOfAllCharge": CHARGE}
