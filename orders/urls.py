"""Addresses of the Order Manager."""

from django.urls import path

from orders.health import health, health_pump
from orders.views import decisions, detail, list, pushes, settings  # noqa: A004  # the list of orders

app_name = "orders"
urlpatterns = [
    path("healthz", health, name="health"),
    path("healthz/pump", health_pump, name="health_pump"),
    path("orders/", list.order_list, name="list"),
    path("orders/confirm/", decisions.bulk_confirm, name="bulk_confirm"),
    path("orders/auto-accept/", decisions.auto_accept, name="auto_accept"),
    path("orders/<str:public_id>/", detail.order_detail, name="detail"),
    path("orders/<str:public_id>/confirm/", decisions.order_confirm, name="confirm"),
    path("orders/<str:public_id>/decline/", decisions.order_decline, name="decline"),
    path("orders/<str:public_id>/cancel/", decisions.order_cancel, name="cancel"),
    path("orders/<str:public_id>/check/", decisions.order_check, name="check"),
    path("orders/<str:public_id>/capture/", pushes.capture_retry, name="capture_retry"),
    path("pushes/<str:public_id>/retry/", pushes.push_retry, name="push_retry"),
    path("pushes/<str:public_id>/skip/", pushes.push_skip, name="push_skip"),
    path("settings/orders/", settings.order_settings, name="settings"),
]
