"""Addresses of the API, version 1."""

from csp.decorators import csp_update
from django.contrib.auth.decorators import login_not_required
from django.urls import path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from orders.api import problems, views

app_name = "api"

# Swagger UI sets style attributes on what it draws; nowhere else are they let through.
_docs = csp_update({"style-src": ["'self'", "'unsafe-inline'"]})(
    SpectacularSwaggerSplitView.as_view(url_name="api:schema")
)

urlpatterns = [
    path("orders/", login_not_required(views.OrderList.as_view()), name="orders"),
    path("orders/<str:public_id>/", login_not_required(views.OrderDetail.as_view()), name="order"),
    path("orders/<str:public_id>/confirm/", login_not_required(views.ConfirmOrder.as_view()), name="confirm"),
    path("orders/<str:public_id>/decline/", login_not_required(views.DeclineOrder.as_view()), name="decline"),
    path("orders/<str:public_id>/cancel/", login_not_required(views.CancelOrder.as_view()), name="cancel"),
    path("orders/<str:public_id>/check/", login_not_required(views.CheckOrder.as_view()), name="check"),
    path("schema/", login_not_required(SpectacularAPIView.as_view()), name="schema"),
    path("docs/", login_not_required(_docs), name="docs"),
    re_path(r"^.*$", login_not_required(problems.not_found)),
]
