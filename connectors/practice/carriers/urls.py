"""The addresses of a practice UPS, as the real one's below its host."""

from django.urls import path

from connectors.practice.carriers import endpoint, label_endpoint

urlpatterns = [
    path("", endpoint.page, name="carrier"),
    path("lose-answer/", endpoint.lose_answer, name="carrier_lose_answer"),
    path("fault/", endpoint.fault, name="carrier_fault"),
    path("security/v1/oauth/token", endpoint.token, name="carrier_token"),
    path("api/shipments/v2409/pickup/oncall", endpoint.oncall, name="carrier_oncall"),
    path("api/shipments/v2409/pickup/02", endpoint.cancel, name="carrier_cancel"),
    path("api/pickupcreation/v2409/pickup", endpoint.create, name="carrier_create"),
    path("api/rating/v2409/Shop", label_endpoint.shop, name="carrier_shop"),
    path("api/shipments/v2409/ship", label_endpoint.ship, name="carrier_ship"),
    path("api/shipments/v2409/void/cancel/<str:number>", label_endpoint.void, name="carrier_void"),
    path("api/labels/v1/recovery", label_endpoint.recover, name="carrier_recover"),
]
