"""Settings > Carriers: who can be asked to come for parcels. The carrier is asked where a person waits: connect, test."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.decorators import merchant_required, role_required
from accounts.http import MerchantRequest
from accounts.models import Merchant, Role
from connectors.carrier_forms import PlaceFields, change_form_of, form_of
from connectors.carriers.registry import CARRIERS
from connectors.errors import ConnectorError, FieldError
from connectors.models import CarrierAccount
from connectors.practice.carriers.models import PracticeCarrier
from connectors.services import carriers


@require_GET
@merchant_required
def carrier_list(request: MerchantRequest) -> HttpResponse:
    rows = CarrierAccount.objects.of(request.merchant).standing().order_by("name", "pk")
    shown = [{"account": row, "label": CARRIERS[row.carrier].label} for row in rows]
    return render(
        request, "connectors/carrier_list.html", {"accounts": shown, "carriers": [_named(key) for key in CARRIERS]}
    )


@require_http_methods(["GET", "POST"])
@role_required(Role.MANAGER)
def carrier_new(request: MerchantRequest, carrier: str) -> HttpResponse:
    if carrier not in CARRIERS:
        raise Http404
    offers = carriers.offers(request.merchant) if carrier == "ups" else []
    chosen = next((offer for offer in offers if offer.slug == request.GET.get("practice")), None)
    posted = request.POST if request.method == "POST" else None
    form = form_of(carrier, posted, initial=_initial(request.merchant, chosen))
    if form.is_valid() and _connect(request, carrier, form):
        return redirect("connectors:carriers")
    context = {"carrier": _named(carrier), "form": form, "offers": offers, "chosen": chosen}
    return render(request, "connectors/carrier_new.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@role_required(Role.MANAGER)
def carrier_edit(request: MerchantRequest, public_id: str) -> HttpResponse:
    account = _get(request, public_id)
    form = change_form_of(account, request.POST if request.method == "POST" else None)
    if form.is_valid() and _change(request, account, form):
        return redirect("connectors:carriers")
    context = {"account": account, "carrier": _named(account.carrier), "form": form}
    return render(request, "connectors/carrier_edit.html", context, status=422 if form.errors else 200)


@require_POST
@role_required(Role.MANAGER)
def carrier_test(request: MerchantRequest, public_id: str) -> HttpResponse:
    account = _get(request, public_id)
    try:
        carriers.test(account_id=account.pk, at=timezone.now())
    except ConnectorError as error:
        messages.error(request, f"{account.name} did not answer as it should: {error}")
    else:
        messages.success(request, f"{account.name} can be asked.")
    return redirect("connectors:carriers")


@require_POST
@role_required(Role.MANAGER)
def carrier_disconnect(request: MerchantRequest, public_id: str) -> HttpResponse:
    account = _get(request, public_id)
    carriers.disconnect(account_id=account.pk, by=request.user.get_username(), at=timezone.now())
    messages.success(request, f"{account.name} is disconnected and its keys forgotten. Pickups and labels stay there.")
    return redirect("connectors:carriers")


def _connect(request: MerchantRequest, carrier: str, form: PlaceFields) -> bool:
    """False when it was refused: then the form says why."""
    try:
        account = carriers.connect(
            merchant_id=request.merchant.pk,
            carrier=carrier,
            name=form.cleaned_data["name"] or CARRIERS[carrier].label,
            place=form.place,
            time_zone=form.cleaned_data["time_zone"],
            typed=form.typed,
            by=request.user.get_username(),
            at=timezone.now(),
        )
    except FieldError as error:
        form.add_error(error.field, str(error))
    except ConnectorError as error:
        form.add_error(None, str(error))
    else:
        messages.success(request, f"{account.name} is connected.")
        return True
    return False


def _change(request: MerchantRequest, account: CarrierAccount, form: PlaceFields) -> bool:
    """False when it was refused: then the form says why."""
    try:
        changed = carriers.change(
            account_id=account.pk, changes=form.changes, by=request.user.get_username(), at=timezone.now()
        )
    except CarrierAccount.DoesNotExist:
        form.add_error(None, f"{account.name} was disconnected meanwhile.")
    except FieldError as error:
        form.add_error(error.field, str(error))
    except ConnectorError as error:
        form.add_error(None, str(error))
    else:
        messages.success(request, f"{changed.name} is saved.")
        return True
    return False


def _named(carrier: str) -> dict[str, str]:
    """For templates, which would call the class."""
    return {"key": carrier, "label": CARRIERS[carrier].label}


def _initial(merchant: Merchant, chosen: PracticeCarrier | None) -> dict[str, str]:
    """The merchant's own address; for a practice carrier, with the keys that a person would copy."""
    names = ("address1", "address2", "city", "province_code", "postcode", "country_code")
    kept = {name: str(getattr(merchant, name)) for name in names} | {"company": merchant.name}
    if chosen is None:
        return kept
    keys = {"account_number": chosen.account_number, "client_id": chosen.client_id, "country_code": chosen.country_code}
    return kept | keys | {"base_url": carriers.address_of(chosen), "name": chosen.name}


def _get(request: MerchantRequest, public_id: str) -> CarrierAccount:
    rows = CarrierAccount.objects.of(request.merchant).standing()
    return get_object_or_404(rows, public_id=public_id)
