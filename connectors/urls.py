"""Addresses of connections and of the webhooks that come in for them."""

from django.urls import path

from connectors import views, webhooks

app_name = "connectors"
urlpatterns = [
    path("webhooks/gateway/<str:name>/", webhooks.receive_gateway, name="gateway_webhook"),
    path("webhooks/<str:platform>/<str:public_id>/", webhooks.receive, name="webhook"),
    path("connections/", views.connection_list, name="list"),
    path("connections/new/", views.connection_new, name="connect"),
    path("connections/<str:public_id>/", views.connection_detail, name="detail"),
    path("connections/<str:public_id>/settings/", views.connection_settings, name="settings"),
    path("connections/<str:public_id>/test/", views.connection_test, name="test"),
    path("connections/<str:public_id>/webhooks/", views.connection_webhooks, name="webhooks"),
    path("connections/<str:public_id>/pause/", views.connection_pause, name="pause"),
    path("connections/<str:public_id>/resume/", views.connection_resume, name="resume"),
    path("connections/<str:public_id>/reconnect/", views.connection_reconnect, name="reconnect"),
    path("connections/<str:public_id>/disconnect/", views.connection_disconnect, name="disconnect"),
    path("connections/<str:public_id>/links/", views.link_save, name="link_save"),
    path("connections/<str:public_id>/links/<int:link_id>/remove/", views.link_remove, name="link_remove"),
]
