"""Addresses of connections and of the webhooks that come in for them."""

from django.urls import path

from connectors import (
    call_views,
    carrier_views,
    desk_views,
    link_views,
    oauth_views,
    store_setup_views,
    supplier_views,
    views,
    webhooks,
)

app_name = "connectors"
urlpatterns = [
    path("webhooks/gateway/<str:name>/", webhooks.receive_gateway, name="gateway_webhook"),
    path("webhooks/shopify/privacy/", webhooks.receive_privacy, name="privacy"),
    path("webhooks/<str:platform>/<str:public_id>/", webhooks.receive, name="webhook"),
    path("settings/carriers/", carrier_views.carrier_list, name="carriers"),
    path("settings/carriers/new/<str:carrier>/", carrier_views.carrier_new, name="carrier_new"),
    path("settings/carriers/<str:public_id>/test/", carrier_views.carrier_test, name="carrier_test"),
    path("settings/carriers/<str:public_id>/disconnect/", carrier_views.carrier_disconnect, name="carrier_disconnect"),
    path("connections/", views.connection_list, name="list"),
    path("connections/new/", views.gallery, name="gallery"),
    path("connections/new/<str:platform>/", views.connection_new, name="connect"),
    path("connections/new/<str:platform>/authorize/", oauth_views.authorize, name="authorize"),
    path("connections/authorized/<str:platform>/", oauth_views.authorized, name="authorized"),
    path("connections/authorized/<str:platform>/keys/", oauth_views.authorized_keys, name="authorized_keys"),
    path("connections/<str:public_id>/", views.connection_detail, name="detail"),
    path("connections/<str:public_id>/test/", views.connection_test, name="test"),
    path("connections/<str:public_id>/webhooks/", views.connection_webhooks, name="webhooks"),
    path("connections/<str:public_id>/pause/", views.connection_pause, name="pause"),
    path("connections/<str:public_id>/resume/", views.connection_resume, name="resume"),
    path("connections/<str:public_id>/reconnect/", views.connection_reconnect, name="reconnect"),
    path("connections/<str:public_id>/authorize/", oauth_views.reauthorize, name="reauthorize"),
    path("connections/<str:public_id>/disconnect/", views.connection_disconnect, name="disconnect"),
    path("connections/<str:public_id>/tracking/", desk_views.tracking_upload, name="tracking"),
    path(
        "connections/<str:public_id>/purchase-orders/<int:order_id>/settle/",
        desk_views.purchase_settle,
        name="purchase_settle",
    ),
    path("connections/<str:public_id>/setup/", supplier_views.setup, name="setup"),
    path("connections/<str:public_id>/setup/<str:step>/", supplier_views.setup_step, name="setup_step"),
    path("connections/<str:public_id>/start/", store_setup_views.start, name="start"),
    path("connections/<str:public_id>/start/<str:step>/", store_setup_views.start_step, name="start_step"),
    path("connections/<str:public_id>/calls/", call_views.call_list, name="calls"),
    path("connections/<str:public_id>/links/", link_views.link_list, name="links"),
    path("connections/<str:public_id>/links/save/", link_views.link_save, name="link_save"),
    path("connections/<str:public_id>/links/export/", link_views.link_export, name="link_export"),
    path("connections/<str:public_id>/links/import/", link_views.link_import, name="link_import"),
    path("connections/<str:public_id>/links/import/<str:import_id>/", link_views.link_check, name="link_check"),
    path("connections/<str:public_id>/links/<int:link_id>/remove/", link_views.link_remove, name="link_remove"),
    path("connections/<str:public_id>/catalog/", link_views.catalog_reading, name="catalog"),
    path("connections/<str:public_id>/catalog/read/", link_views.catalog_read, name="catalog_read"),
]
