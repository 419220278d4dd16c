"""A Shopify store's own addresses."""

from django.urls import path

from connectors.practice import views
from connectors.practice.shopify import endpoint, oauth

urlpatterns = [
    path("admin/api/<str:version>/graphql.json", endpoint.graphql, name="shopify_graphql"),
    path("admin/oauth/authorize", oauth.authorize, name="shopify_authorize"),
    path("admin/oauth/access_token", oauth.access_token, name="shopify_access_token"),
    path("admin/orders/<int:order_id>", views.to_order, name="shopify_order"),
]
