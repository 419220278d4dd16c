"""The addresses of a practice S&S Activewear."""

from django.urls import path

from connectors.practice.ssactivewear import endpoint

urlpatterns = [
    path("orders/", endpoint.orders, name="ssactivewear_orders"),
    path("orders/<str:wanted>", endpoint.some_orders, name="ssactivewear_some_orders"),
    path("inventory/<str:wanted>", endpoint.inventory, name="ssactivewear_inventory"),
    path("styles/", endpoint.styles, name="ssactivewear_styles"),
    path("products/", endpoint.products_of_styles, name="ssactivewear_products_of_styles"),
    path("products/<str:wanted>", endpoint.products, name="ssactivewear_products"),
    path("paymentprofiles/", endpoint.payment_profiles, name="ssactivewear_payment_profiles"),
    path("daysintransit/<str:wanted>", endpoint.days_in_transit, name="ssactivewear_days_in_transit"),
]
