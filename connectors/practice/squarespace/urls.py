"""A Squarespace site's own addresses, as they are below api.squarespace.com."""

from django.urls import path

from connectors.practice.squarespace import endpoint, oauth

urlpatterns = [
    path("1.0/authorization/website", endpoint.website, name="squarespace_website"),
    path("1.0/commerce/orders", endpoint.orders, name="squarespace_orders"),
    path("1.0/commerce/orders/<str:order_id>", endpoint.order, name="squarespace_order"),
    path("1.0/commerce/orders/<str:order_id>/fulfillments", endpoint.fulfillments, name="squarespace_fulfillments"),
    path("1.0/commerce/inventory", endpoint.inventory, name="squarespace_inventory"),
    path("1.0/commerce/inventory/adjustments", endpoint.inventory_adjustments, name="squarespace_adjustments"),
    path("1.0/commerce/inventory/<str:variant_ids>", endpoint.inventory_items, name="squarespace_inventory_items"),
    path("1.0/webhook_subscriptions", endpoint.webhook_subscriptions, name="squarespace_subscriptions"),
    path("1.0/webhook_subscriptions/<str:number>", endpoint.webhook_subscription, name="squarespace_subscription"),
    path(
        "1.0/webhook_subscriptions/<str:number>/actions/rotateSecret",
        endpoint.rotate_secret,
        name="squarespace_rotate_secret",
    ),
    path("api/1/login/oauth/provider/authorize", oauth.authorize, name="squarespace_authorize"),
    path("api/1/login/oauth/provider/tokens", oauth.tokens, name="squarespace_tokens"),
    path("config/commerce/orders", endpoint.to_orders, name="squarespace_orders_page"),
    path("<str:version>/<path:rest>", endpoint.nowhere, name="squarespace_nowhere"),
]
