"""Practice stores and the practice mailbox; included only when PRACTICE_STORES is on."""

from django.urls import path

from connectors.practice import views
from connectors.practice.shopify import endpoint

app_name = "practice"
urlpatterns = [
    path("", views.index, name="index"),
    path("mail/", views.mailbox, name="mailbox"),
    path("mail/<int:mail_id>/", views.mail, name="mail"),
    path("mail/<int:mail_id>/html/", views.mail_html, name="mail_html"),
    path("shopify/<slug:slug>/admin/api/<str:version>/graphql.json", endpoint.graphql, name="shopify_graphql"),
    path("shopify/<slug:slug>/", views.shop, name="shop"),
    path("shopify/<slug:slug>/products/", views.products, name="products"),
    path("shopify/<slug:slug>/webhooks/", views.webhooks, name="webhooks"),
    path("shopify/<slug:slug>/webhooks/<int:delivery_id>/again/", views.deliver_again, name="deliver_again"),
    path("shopify/<slug:slug>/dials/", views.turn_dials, name="dials"),
    path("shopify/<slug:slug>/admin/orders/<int:order_id>", views.order, name="order"),
    path("shopify/<slug:slug>/admin/orders/<int:order_id>/fulfill/", views.fulfill, name="fulfill"),
    path("shopify/<slug:slug>/admin/orders/<int:order_id>/cancel/", views.cancel, name="cancel"),
    path("shopify/<slug:slug>/admin/orders/<int:order_id>/refund/", views.refund, name="refund"),
    path("shopify/<slug:slug>/admin/lines/<int:line_id>/edit/", views.edit, name="edit"),
    path("shopify/<slug:slug>/admin/fulfillments/<int:fulfillment_id>/tracking/", views.tracking, name="tracking"),
    path(
        "shopify/<slug:slug>/admin/fulfillments/<int:fulfillment_id>/cancel/",
        views.cancel_fulfillment,
        name="cancel_fulfillment",
    ),
]
