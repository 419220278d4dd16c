"""The set-up of a supplier, a page for each step. Each saves what it is about: it can be left and gone on with later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from accounts.decorators import role_required
from accounts.http import MerchantRequest
from accounts.models import Role
from connectors.base import PaymentProfile, Warehouse
from connectors.errors import ConnectorError
from connectors.models import Connection, StoreAddress, SupplierSettings, SupplierTestState
from connectors.services import connections, supplier_tests, suppliers
from connectors.services.suppliers import ChoiceRefused
from connectors.supplier_forms import (
    AddressFields,
    AutoFulfillmentForm,
    OrderSyncForm,
    PaymentForm,
    SampleOrderForm,
    ShippingAddressForm,
)

Page = dict[str, Any] | None  # what a step shows; None when it was saved and the next one is due


@require_GET
@role_required(Role.MANAGER)
def setup(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Go on where it was left; from the start when all was done."""
    connection = _get(request, public_id)
    first = suppliers.steps(connection)[0].name
    name = suppliers.next_step(connection, suppliers.settings_of(connection)) or first
    return redirect("connectors:setup_step", public_id, name)


@require_http_methods(["GET", "POST"])
@role_required(Role.MANAGER)
def setup_step(request: MerchantRequest, public_id: str, step: str) -> HttpResponse:
    connection = _get(request, public_id)
    names = [each.name for each in suppliers.steps(connection)]
    if step not in names:
        raise Http404
    shown = _STEPS[step](request, connection)
    if shown is None:
        return _go_on(request, connection, names, step)
    chosen = suppliers.settings_of(connection)
    offers = suppliers.driver_class(connection).capabilities
    context = {
        "connection": connection,
        "steps": suppliers.steps(connection),
        "done": chosen.steps_done,
        "step": step,
        "is_mailed": offers.desk and not offers.folders,
        "template": f"connectors/_partials/setup_{step}.html",
        **shown,
    }
    return render(request, "connectors/setup.html", context, status=422 if _has_errors(shown) else 200)


def _go_on(request: MerchantRequest, connection: Connection, names: list[str], step: str) -> HttpResponse:
    after = names[names.index(step) + 1 :]
    if after:
        return redirect("connectors:setup_step", connection.public_id, after[0])
    messages.success(request, f"{connection.name} is set up. It counts for orders that have not been sent yet.")
    return redirect("connectors:detail", connection.public_id)


def _has_errors(shown: dict[str, Any]) -> bool:
    return any(shown[name].errors for name in ("form", "address_form") if name in shown)


# --- the steps -------------------------------------------------------------------------------------


def _connection(request: MerchantRequest, connection: Connection) -> Page:
    if request.method != "POST":
        return {}
    try:
        connections.test(connection_id=connection.pk, at=timezone.now())
    except ConnectorError as error:
        messages.error(request, f"{connection.name} did not answer as it should: {error}")
        return {}
    _save(request, connection, "connection")
    return None


def _sync(request: MerchantRequest, connection: Connection) -> Page:
    """The supplier is asked for its warehouses whenever a postcode was typed, as it is for payment profiles."""
    chosen = suppliers.settings_of(connection)
    offered = suppliers.driver_class(connection).capabilities.warehouses
    places: Sequence[Warehouse] | None = [Warehouse(code) for code in chosen.warehouses] if offered else None
    postcode, methods = str(request.POST.get("postcode", "")).strip(), suppliers.methods(connection)
    try:
        places = suppliers.warehouses(connection, postcode) if offered and postcode else places
    except ConnectorError as error:
        form = OrderSyncForm(request.POST, methods=methods, places=places)
        form.add_error("postcode", str(error))
        return {"form": form}
    if "fetch" in request.POST:
        typed = {**request.POST.dict(), "warehouses": request.POST.getlist("warehouses") or chosen.warehouses}
        form = OrderSyncForm(initial=typed, methods=methods, places=places)
        return {"form": form, "found_none": not places}
    form = OrderSyncForm(_posted(request), initial=_sync_now(connection, chosen), methods=methods, places=places)
    if not form.is_valid():
        return {"form": form}
    _save(request, connection, "sync", sync_orders=form.cleaned_data["sync_orders"], **form.chosen())
    return None


def _sync_now(connection: Connection, chosen: SupplierSettings) -> dict[str, Any]:
    return {
        "sync_orders": connection.sync_settings.sync_orders,
        "shipping_method": chosen.shipping_method,
        "warehouses": chosen.warehouses,
        "prefers_fastest": chosen.prefers_fastest,
    }


def _auto(request: MerchantRequest, connection: Connection) -> Page:
    initial = {"auto_fulfillment": suppliers.settings_of(connection).auto_fulfillment}
    form = AutoFulfillmentForm(_posted(request), initial=initial)
    if not form.is_valid():
        return {"form": form}
    _save(request, connection, "auto", **form.cleaned_data)
    return None


def _test(request: MerchantRequest, connection: Connection) -> Page:
    """Sending shows the result on this page; going on is another button, with or without a test."""
    if request.method == "POST" and "next" in request.POST:
        _save(request, connection, "test")
        return None
    form = SampleOrderForm(_posted(request), initial=_last_address(connection))
    if form.is_valid():
        _send_test(request, connection, form)
    recent = connection.test_orders.order_by("-sent_at", "-pk")[:5]
    suffix = suppliers.driver_class(connection).test_suffix
    return {"form": form, "tests": recent, "passed": SupplierTestState.PASSED, "suffix": suffix}


def _payment(request: MerchantRequest, connection: Connection) -> Page:
    """The supplier is asked whenever an address was typed: a profile is saved only while it is there."""
    chosen = suppliers.settings_of(connection)
    email = str(request.POST.get("payment_email", "")).strip()
    try:
        profiles = suppliers.profiles(connection, email) if email else ()
    except ConnectorError as error:
        form = PaymentForm(request.POST, profiles=())
        form.add_error("payment_email", str(error))
        return {"form": form, "chosen": chosen}
    if "fetch" in request.POST:
        asked = {"pays_by": "profile", "payment_email": email, "payment_profile_id": chosen.payment_profile_id}
        return {"form": PaymentForm(initial=asked, profiles=profiles), "chosen": chosen, "found_none": not profiles}
    form = PaymentForm(_posted(request), initial=_payment_now(chosen), profiles=profiles)
    if not form.is_valid():
        return {"form": form, "chosen": chosen}
    _save_payment(request, connection, form, profiles)
    return None


def _payment_now(chosen: SupplierSettings) -> dict[str, str]:
    return {
        "pays_by": "profile" if chosen.pays_by_profile else "terms",
        "payment_email": chosen.payment_email,
        "payment_profile_id": chosen.payment_profile_id,
    }


def _save_payment(
    request: MerchantRequest, connection: Connection, form: PaymentForm, profiles: Sequence[PaymentProfile]
) -> None:
    """Saved again without a choice, the profile that was chosen before stays when it is still among them."""
    wanted = form.cleaned_data.get("payment_profile_id") or suppliers.settings_of(connection).payment_profile_id
    profile = next((each for each in profiles if each.profile_id == wanted), None)
    by_profile = form.cleaned_data["pays_by"] == "profile"
    _save(
        request,
        connection,
        "payment",
        pays_by_profile=by_profile,
        payment_email=form.cleaned_data["payment_email"],
        payment_profile_id=profile.profile_id if profile else "",
        payment_profile_name=suppliers.in_words(profile) if profile else "",
    )
    if by_profile and profile is None:
        messages.warning(request, "No card or bank account is chosen yet: orders are blocked until one is.")


def _address(request: MerchantRequest, connection: Connection) -> Page:
    chosen = suppliers.settings_of(connection)
    initial = {"disable_dropshipping": chosen.disable_dropshipping, "store_address": chosen.store_address_id or ""}
    form = ShippingAddressForm(_posted(request), initial=initial, addresses=suppliers.addresses(connection))
    if not form.is_valid():
        return {"form": form, "address_form": AddressFields(prefix="new", use_required_attribute=False)}
    where: dict[str, Any] = {"store_address": form.place}
    if form.wants_new:
        new = AddressFields(request.POST, prefix="new", use_required_attribute=False)
        if not new.is_valid():
            return {"form": form, "address_form": new}
        where = {"new_address": new.address()}
    _save(request, connection, "address", disable_dropshipping=form.cleaned_data["disable_dropshipping"], **where)
    return None


_STEPS: dict[str, Callable[[MerchantRequest, Connection], Page]] = {
    "connection": _connection,
    "sync": _sync,
    "auto": _auto,
    "test": _test,
    "payment": _payment,
    "address": _address,
}


# --- helpers ---------------------------------------------------------------------------------------


def _send_test(request: MerchantRequest, connection: Connection, form: SampleOrderForm) -> None:
    """The address is kept: it can be chosen in the last step."""
    try:
        test = supplier_tests.send(
            connection_id=connection.pk,
            sku=form.cleaned_data["sku"],
            address=_keep(request, connection, form),
            by=_by(request),
            at=timezone.now(),
        )
    except ConnectorError as error:
        form.add_error("sku", str(error))
        return
    match test.state:
        case SupplierTestState.PASSED:
            numbers = ", ".join(test.numbers)
            messages.success(request, f"{connection.name} took the test order as {numbers} and cancelled it.")
        case SupplierTestState.FAILED:
            messages.error(request, f"{connection.name} did not take the test order: {test.message}")
        case _:
            messages.warning(request, test.message)


def _last_address(connection: Connection) -> dict[str, str]:
    """The merchant's newest place for suppliers; else its own address."""
    place = StoreAddress.objects.filter(merchant_id=connection.merchant_id).order_by("-pk").first()
    source = place or connection.merchant
    fields = ("address1", "address2", "city", "province_code", "postcode", "country_code")
    shown = {name: getattr(source, name) for name in fields}
    return shown | {"company": place.company if place else connection.merchant.name}


def _keep(request: MerchantRequest, connection: Connection, form: AddressFields) -> StoreAddress:
    return suppliers.keep_address(connection_id=connection.pk, by=_by(request), at=timezone.now(), **form.address())


def _save(request: MerchantRequest, connection: Connection, step: str, **chosen: Any) -> None:
    try:
        suppliers.save(connection_id=connection.pk, by=_by(request), at=timezone.now(), step=step, **chosen)
    except ChoiceRefused as refusal:  # what the form cannot see: somebody changed the other half meanwhile
        messages.error(request, str(refusal))


def _posted(request: MerchantRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _by(request: MerchantRequest) -> str:
    return request.user.get_username()


def _get(request: MerchantRequest, public_id: str) -> Connection:
    standing = Connection.objects.of(request.merchant).standing().own().select_related("sync_settings", "merchant")
    connection = get_object_or_404(standing, public_id=public_id)
    if not suppliers.is_supplier(connection):
        raise Http404
    return connection
