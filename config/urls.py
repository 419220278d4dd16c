"""Every address of the portal."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.generic import RedirectView

handler500 = "config.faults.server_error"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="orders:list")),
    path("settings/", RedirectView.as_view(pattern_name="orders:settings")),
    path("favicon.ico", login_not_required(RedirectView.as_view(url=f"{settings.STATIC_URL}img/favicon.svg"))),
    path("", include("orders.urls")),
    path("", include("accounts.urls")),
    path("accounts/", include("allauth.urls")),
    path("", include("connectors.urls")),
    path("api/v1/", include("orders.api.urls")),
    path("admin/", admin.site.urls),
]

if settings.PRACTICE_STORES:
    urlpatterns.append(path("practice/", include("connectors.practice.urls")))
