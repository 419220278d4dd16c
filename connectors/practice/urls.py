"""Practice stores and the practice mailbox; included only when PRACTICE_STORES is on."""

from django.urls import include, path

from connectors.practice import app_views, buying_views, mail_views, views

app_name = "practice"

_store = [
    path("", views.shop, name="shop"),
    path("buy/", buying_views.buy, name="buy"),
    path("products/", views.products, name="products"),
    path("products/<int:variant_id>/edit/", views.edit_product, name="edit_product"),
    path("webhooks/", views.webhooks, name="webhooks"),
    path("webhooks/<int:delivery_id>/", views.delivery, name="delivery"),
    path("webhooks/<int:delivery_id>/again/", views.deliver_again, name="deliver_again"),
    path("app/", app_views.app, name="app"),
    path("app/uninstall/", app_views.uninstall, name="uninstall"),
    path("app/privacy/", app_views.ask_for_privacy, name="privacy"),
    path("dials/", views.turn_dials, name="dials"),
    path("orders/<int:order_id>/", views.order, name="order"),
    path("orders/<int:order_id>/fulfill/", views.fulfill, name="fulfill"),
    path("orders/<int:order_id>/cancel/", views.cancel, name="cancel"),
    path("orders/<int:order_id>/delete/", views.delete, name="delete"),
    path("orders/<int:order_id>/refund/", views.refund, name="refund"),
    path("orders/<int:order_id>/paid/", buying_views.mark_paid, name="mark_paid"),
    path("orders/<int:order_id>/address/", buying_views.change_address, name="change_address"),
    path("lines/<int:line_id>/edit/", views.edit, name="edit"),
    path("fulfillments/<int:fulfillment_id>/tracking/", views.tracking, name="tracking"),
    path("fulfillments/<int:fulfillment_id>/cancel/", views.cancel_fulfillment, name="cancel_fulfillment"),
]

urlpatterns = [
    path("", views.index, name="index"),
    path("mail/", mail_views.mailbox, name="mailbox"),
    path("mail/<int:mail_id>/", mail_views.mail, name="mail"),
    path("mail/<int:mail_id>/html/", mail_views.mail_html, name="mail_html"),
    path("stores/<slug:slug>/", include(_store)),
    path("carriers/<slug:slug>/", include("connectors.practice.carriers.urls")),
    path("filedrop/<slug:slug>/", include("connectors.practice.filedrop.urls")),
    path("shopify/<slug:slug>/", include("connectors.practice.shopify.urls")),
    path("ssactivewear/<slug:slug>/", include("connectors.practice.ssactivewear.urls")),
    path("woocommerce/<slug:slug>/", include("connectors.practice.woocommerce.urls")),
    path("squarespace/<slug:slug>/", include("connectors.practice.squarespace.urls")),
    path("<str:platform>/<slug:slug>/", views.front_door, name="front_door"),
]
