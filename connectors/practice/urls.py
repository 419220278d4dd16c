"""Practice stores and the practice mailbox; included only when PRACTICE_STORES is on."""

from django.urls import include, path

from connectors.practice import mail_views, views
from connectors.practice.shopify import endpoint

app_name = "practice"

_store = [
    path("", views.shop, name="shop"),
    path("admin/api/<str:version>/graphql.json", endpoint.graphql, name="shopify_graphql"),
    path("products/", views.products, name="products"),
    path("products/<int:variant_id>/edit/", views.edit_product, name="edit_product"),
    path("webhooks/", views.webhooks, name="webhooks"),
    path("webhooks/<int:delivery_id>/again/", views.deliver_again, name="deliver_again"),
    path("dials/", views.turn_dials, name="dials"),
    path("admin/orders/<int:order_id>", views.order, name="order"),  # Shopify's own path, without a slash
    path("admin/orders/<int:order_id>/fulfill/", views.fulfill, name="fulfill"),
    path("admin/orders/<int:order_id>/cancel/", views.cancel, name="cancel"),
    path("admin/orders/<int:order_id>/delete/", views.delete, name="delete"),
    path("admin/orders/<int:order_id>/refund/", views.refund, name="refund"),
    path("admin/lines/<int:line_id>/edit/", views.edit, name="edit"),
    path("admin/fulfillments/<int:fulfillment_id>/tracking/", views.tracking, name="tracking"),
    path("admin/fulfillments/<int:fulfillment_id>/cancel/", views.cancel_fulfillment, name="cancel_fulfillment"),
]

urlpatterns = [
    path("", views.index, name="index"),
    path("mail/", mail_views.mailbox, name="mailbox"),
    path("mail/<int:mail_id>/", mail_views.mail, name="mail"),
    path("mail/<int:mail_id>/html/", mail_views.mail_html, name="mail_html"),
    path("shopify/<slug:slug>/", include(_store)),
]
