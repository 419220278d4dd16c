"""A WooCommerce store's own addresses."""

from django.urls import path

from connectors.practice.woocommerce import authorize, endpoint

_API = "wp-json/wc/v3"
_ORDER = f"{_API}/orders/<int:number>"

urlpatterns = [
    path("wc-auth/v1/authorize", authorize.authorize, name="woo_authorize"),
    path("wp-json/", endpoint.index, name="woo_index"),
    path(f"{_API}/system_status", endpoint.system_status, name="woo_system_status"),
    path(f"{_API}/settings/<str:group>", endpoint.settings, name="woo_settings"),
    path(f"{_API}/taxes", endpoint.taxes, name="woo_taxes"),
    path(f"{_API}/products", endpoint.products, name="woo_products"),
    path(f"{_API}/products/<int:number>", endpoint.product, name="woo_product"),
    path(f"{_API}/products/<int:number>/variations", endpoint.variations, name="woo_variations"),
    path(f"{_API}/orders", endpoint.orders, name="woo_orders"),
    path(f"{_API}/orders/batch", endpoint.batch_of_orders, name="woo_orders_batch"),
    path(_ORDER, endpoint.order, name="woo_order"),
    path(f"{_ORDER}/notes", endpoint.notes, name="woo_notes"),
    path(f"{_ORDER}/refunds", endpoint.refunds, name="woo_refunds"),
    path(f"{_ORDER}/fulfillments", endpoint.fulfillments, name="woo_fulfillments"),
    path(f"{_API}/webhooks", endpoint.webhooks, name="woo_webhooks"),
    path(f"{_API}/webhooks/<int:number>", endpoint.webhook, name="woo_webhook"),
    path(
        "wp-json/wc-shipment-tracking/v3/orders/<int:number>/shipment-trackings",
        endpoint.shipment_trackings,
        name="woo_trackings",
    ),
    path("wp-json/<path:rest>", endpoint.nowhere, name="woo_nowhere"),
    path("wp-admin/admin.php", endpoint.admin_page, name="woo_admin"),
]
