"""Addresses of the Order Manager."""

from django.urls import path
from django.views.generic import TemplateView

app_name = "orders"
urlpatterns = [
    path("orders/", TemplateView.as_view(), name="list"),
    path("orders/<str:public_id>/", TemplateView.as_view(), name="detail"),
]
