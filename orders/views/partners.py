"""Partners: who was asked, who works together, what is shared and how orders go. The rights of a side are the side's."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.decorators import merchant_required, role_required
from accounts.http import MerchantRequest
from accounts.models import Role
from accounts.services.addresses import own_address
from connectors.errors import ConnectorError
from connectors.models import CatalogVariant, Partnership, PartnershipState, ProductLink, Side
from connectors.services import partner_products, partner_settings, partners
from connectors.services.partners import PartnerRefused
from orders.forms.partners import InviteForm, PartnerSettingsForm, RuleFormSet, ShareForm, StoreForm, rule_forms
from orders.models import OrderPush
from orders.services import partner_orders, partner_terms

SHOWN_AT_ONCE = 50


# --- asking and answering ----------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@merchant_required
def partner_list(request: MerchantRequest) -> HttpResponse:
    """All partnerships of either side, and the form to ask somebody."""
    if request.method == "POST" and request.membership.role != Role.OWNER:
        raise PermissionDenied("Only an owner asks for a partnership.")
    stores = partners.offered_stores(request.merchant)
    form = InviteForm(request.POST if request.method == "POST" else None, stores=stores)
    if form.is_valid() and _invited(request, form):
        return redirect("orders:partners")
    related = ("source", "destination", "source_connection", "connection")
    rows = Partnership.objects.of(request.merchant).select_related(*related).order_by("-invited_at", "-pk")
    context = {
        "rows": [_row(row, request) for row in rows[:200]],
        "form": form,
        "store_form": StoreForm(stores=stores),
    }
    return render(request, "orders/partners.html", context, status=422 if form.errors else 200)


@never_cache
@require_http_methods(["GET", "POST"])
@merchant_required
def invitation(request: MerchantRequest, token: str) -> HttpResponse:
    """The link of a mail: its address answers for the merchant that it works for now."""
    found = partners.find(token, at=timezone.now())
    if found is None:
        return render(request, "orders/partner_invitation_ended.html", status=410)
    is_asked = request.user.email == found.email
    needs_store = found.asked_by == Side.DESTINATION
    form = StoreForm(
        request.POST if request.method == "POST" else None, stores=partners.offered_stores(request.merchant)
    )
    may_answer = is_asked and request.membership.role == Role.OWNER
    if request.method == "POST":
        if not may_answer:
            raise PermissionDenied("Only the owner who was asked answers.")
        if "decline" in request.POST:
            return _answer(request, found, partners.decline, "Declined. Nothing is shared.")
        if not needs_store:
            return _answer(request, found, partners.accept, "You work together now.")
        if form.is_valid():
            done = "You work together now. Choose what you share."
            return _answer(request, found, partners.accept, done, connection_id=form.connection_id)
    context = {
        "partnership": found,
        "asking": found.destination if needs_store else found.source,
        "form": form if needs_store else None,
        "is_asked": is_asked,
        "may_answer": may_answer,
    }
    return render(request, "orders/partner_invitation.html", context, status=422 if form.errors else 200)


@require_POST
@role_required(Role.OWNER)
def accept(request: MerchantRequest, public_id: str) -> HttpResponse:
    row = _asked(request, public_id)
    if row.asked_by == Side.SOURCE:
        return _answer(request, row, partners.accept, "You work together now.")
    form = StoreForm(request.POST, stores=partners.offered_stores(request.merchant))
    if not form.is_valid():
        messages.error(request, "Choose the store that the partner's orders go to.")
        return redirect("orders:partners")
    done = "You work together now. Choose what you share."
    return _answer(request, row, partners.accept, done, connection_id=form.connection_id)


@require_POST
@role_required(Role.OWNER)
def decline(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _answer(request, _asked(request, public_id), partners.decline, "Declined. Nothing is shared.")


@require_http_methods(["GET", "POST"])
@role_required(Role.OWNER)
def revoke(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Asks once more, with what it would hold."""
    row = _of(request, public_id)
    if request.method == "POST":
        try:
            partner_orders.revoke(
                partnership_id=row.pk, merchant_id=request.merchant.pk, by=_by(request), at=timezone.now()
            )
        except PartnerRefused as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, "It is ended. Nothing new is sent, and what waited says so.")
        return redirect("orders:partners")
    waiting = OrderPush.objects.filter(connection_id=row.connection_id or 0, status__in=["waiting", "queued"])
    context = {"partnership": row, "partner": _name(row, request), "waiting": waiting.count()}
    return render(request, "orders/partner_revoke.html", context)


# --- one partnership -----------------------------------------------------------------------------------


@require_http_methods(["GET"])
@merchant_required
def partner(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _page(request, _of(request, public_id))


@require_POST
@role_required(Role.MANAGER)
def settings_save(request: MerchantRequest, public_id: str) -> HttpResponse:
    row = _selling(request, public_id)
    form = PartnerSettingsForm(request.POST)
    if form.is_valid():
        try:
            partner_terms.save(partnership_id=row.pk, by=_by(request), at=timezone.now(), **form.cleaned_data)
        except PartnerRefused as refusal:
            form.add_error(refusal.field or None, str(refusal))
        else:
            messages.success(request, "Saved. It counts for orders that have not been pushed yet.")
            return redirect("orders:partner", public_id)
    return _page(request, row, settings_form=form)


@require_POST
@role_required(Role.MANAGER)
def rules_save(request: MerchantRequest, public_id: str) -> HttpResponse:
    row = _selling(request, public_id)
    forms = RuleFormSet(request.POST, prefix="rules")
    refusal = ""
    if forms.is_valid():
        rules = [form.threshold for form in forms if form.threshold is not None]
        try:
            partner_terms.replace_rules(partnership_id=row.pk, rules=rules, by=_by(request), at=timezone.now())
        except PartnerRefused as error:
            refusal = str(error)
        else:
            messages.success(request, "Saved. It counts for orders that have not been pushed yet.")
            return redirect("orders:partner", public_id)
    return _page(request, row, rule_forms=forms, rules_refused=refusal)


@require_POST
@role_required(Role.MANAGER)
def automatic(request: MerchantRequest, public_id: str) -> HttpResponse:
    row, on = _selling(request, public_id), request.POST.get("on") == "1"
    try:
        partner_settings.save(partnership_id=row.pk, by=_by(request), at=timezone.now(), automatic=on)
    except PartnerRefused as refusal:
        messages.error(request, str(refusal))
    else:
        name = _name(row, request)
        done = f"Paid orders go to {name} by themselves from now on. Those that wait are pushed by hand."
        messages.success(request, done if on else f"Orders for {name} wait until somebody pushes them.")
    return redirect("orders:partner_orders")


@require_POST
@role_required(Role.MANAGER)
def share(request: MerchantRequest, public_id: str) -> HttpResponse:
    """The source's own store is asked, once, while the person waits."""
    row = _owning(request, public_id)
    form = ShareForm(request.POST)
    if form.is_valid() and _shared(request, row, form):
        return redirect("orders:partner", public_id)
    return _page(request, row, share_form=form)


@require_POST
@role_required(Role.MANAGER)
def unshare(request: MerchantRequest, public_id: str) -> HttpResponse:
    row = _owning(request, public_id)
    try:
        partner_products.unshare(
            partnership_id=row.pk, variant_id=request.POST.get("variant", ""), by=_by(request), at=timezone.now()
        )
    except PartnerRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "It is not shared any more.")
    return redirect("orders:partner", public_id)


# --- inside --------------------------------------------------------------------------------------------


def _by(request: MerchantRequest) -> str:
    return request.user.get_username()


def _of(request: MerchantRequest, public_id: str) -> Partnership:
    related = ("source", "destination", "source_connection", "connection")
    return get_object_or_404(Partnership.objects.of(request.merchant).select_related(*related), public_id=public_id)


def _asked(request: MerchantRequest, public_id: str) -> Partnership:
    """A question to this merchant; its own is not its to answer."""
    row = _of(request, public_id)
    if partners.side_of(row, request.merchant) == row.asked_by or row.email:
        raise Http404
    return row


def _selling(request: MerchantRequest, public_id: str) -> Partnership:
    row = _of(request, public_id)
    if row.destination_id != request.merchant.pk or row.state != PartnershipState.ACCEPTED:
        raise Http404
    return row


def _owning(request: MerchantRequest, public_id: str) -> Partnership:
    row = _of(request, public_id)
    if row.source_id != request.merchant.pk or row.state != PartnershipState.ACCEPTED:
        raise Http404
    return row


def _name(row: Partnership, request: MerchantRequest) -> str:
    other = partners.partner_of(row, request.merchant)
    return other.name if other else row.email


def _row(row: Partnership, request: MerchantRequest) -> dict[str, Any]:
    """What the list says of one, for the side that looks."""
    side = partners.side_of(row, request.merchant)
    is_open = row.state == PartnershipState.INVITED and row.expires_at > timezone.now()
    return {
        "partnership": row,
        "name": _name(row, request),
        "sells": side == Side.DESTINATION,
        "store": row.source_connection if side == Side.SOURCE else None,
        "is_open": is_open,
        "is_ours_to_answer": is_open and side != row.asked_by and not row.email,
        "ran_out": row.state == PartnershipState.INVITED and not is_open,
    }


def _invited(request: MerchantRequest, form: InviteForm) -> bool:
    """False when the form now says what is wrong."""
    given = form.cleaned_data
    try:
        partners.invite(
            merchant_id=request.merchant.pk,
            side=Side(given["side"]),
            whom=given["whom"],
            connection_id=form.connection_id,
            by=_by(request),
            at=timezone.now(),
        )
    except PartnerRefused as refusal:
        form.add_error(refusal.field or None, str(refusal))
        return False
    messages.success(request, f"Asked {given['whom']}. The question is valid for two weeks.")
    return True


def _answer(request: MerchantRequest, row: Partnership, service: Any, done: str, **chosen: Any) -> HttpResponse:
    try:
        service(partnership_id=row.pk, merchant_id=request.merchant.pk, by=_by(request), at=timezone.now(), **chosen)
    except PartnerRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("orders:partners")
    messages.success(request, done)
    return redirect("orders:partner", row.public_id)


def _shared(request: MerchantRequest, row: Partnership, form: ShareForm) -> bool:
    """False when the form now says what is wrong."""
    store = row.source_connection
    assert store is not None  # noqa: S101  # partnership_accepted_is_whole
    try:
        found = partner_products.look_up(store, form.cleaned_data["skus"])
        if found.missing:
            missing = ", ".join(found.missing[:10])
            form.add_error(
                "skus", f"{store.name} has no single product with these SKUs: {missing}. Nothing was shared."
            )
            return False
        partner_products.share(partnership_id=row.pk, variants=found.variants, by=_by(request), at=timezone.now())
    except ConnectorError as error:
        form.add_error(None, f"{store.name} did not answer as it should: {error}")
        return False
    except PartnerRefused as refusal:
        form.add_error(refusal.field or None, str(refusal))
        return False
    messages.success(request, f"Shared {len(found.variants)} with {_name(row, request)}.")
    return True


def _page(request: MerchantRequest, row: Partnership, **refused: Any) -> HttpResponse:
    sells = row.destination_id == request.merchant.pk
    page, products = _products(request, row)
    context: dict[str, Any] = {
        "partnership": row,
        "partner": _name(row, request),
        "sells": sells,
        "stands": row.state == PartnershipState.ACCEPTED,
        "page": page,
        "products": products,
    }
    if sells and row.state == PartnershipState.ACCEPTED and row.connection is not None:
        chosen = partner_settings.settings_of(row.connection)
        rules = row.shipping_rules.order_by("at_least", "pk")
        context |= {
            "chosen": chosen,
            "settings_form": PartnerSettingsForm.of(chosen),
            "rule_forms": rule_forms(rules, request.merchant.currency),
            "own_address": own_address(request.merchant),
        }
    elif row.state == PartnershipState.ACCEPTED:
        context["share_form"] = ShareForm()
    return render(request, "orders/partner.html", context | refused, status=422 if refused else 200)


def _products(request: MerchantRequest, row: Partnership) -> tuple[Any, list[dict[str, Any]]]:
    """A page of what is shared, each with the SKUs that the destination sells it under."""
    rows = CatalogVariant.objects.filter(connection_id=row.connection_id or 0).order_by("sku", "pk")
    page = Paginator(rows, SHOWN_AT_ONCE).get_page(request.GET.get("page"))
    linked = ProductLink.objects.filter(
        connection_id=row.connection_id or 0, variant_id__in=[variant.variant_id for variant in page]
    )
    sold_as: dict[str, list[str]] = {}
    for variant_id, sku in linked.order_by("sku").values_list("variant_id", "sku"):
        sold_as.setdefault(variant_id, []).append(sku)
    shown = [{"variant": variant, "sold_as": ", ".join(sold_as.get(variant.variant_id, []))} for variant in page]
    return page, shown
