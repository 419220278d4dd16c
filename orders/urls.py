"""Addresses of the Order Manager."""

from django.urls import path
from django.views.generic import TemplateView

from orders.health import health, health_pump

app_name = "orders"
urlpatterns = [
    path("healthz", health, name="health"),
    path("healthz/pump", health_pump, name="health_pump"),
    path("orders/", TemplateView.as_view(), name="list"),
    path("orders/<str:public_id>/", TemplateView.as_view(), name="detail"),
]
