"""The address of the tracking file."""

from django.urls import path

from connectors.practice.filedrop import views

urlpatterns = [path("tracking.csv", views.tracking, name="filedrop_tracking")]
