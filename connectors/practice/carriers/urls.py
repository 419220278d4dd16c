"""The addresses of a practice UPS, as the real one's below its host."""

from django.urls import path

from connectors.practice.carriers import endpoint

urlpatterns = [
    path("", endpoint.page, name="carrier"),
    path("lose-answer/", endpoint.lose_answer, name="carrier_lose_answer"),
    path("security/v1/oauth/token", endpoint.token, name="carrier_token"),
    path("api/shipments/v2409/pickup/oncall", endpoint.oncall, name="carrier_oncall"),
    path("api/shipments/v2409/pickup/02", endpoint.cancel, name="carrier_cancel"),
    path("api/pickupcreation/v2409/pickup", endpoint.create, name="carrier_create"),
]
