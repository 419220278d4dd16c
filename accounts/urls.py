"""Addresses of people, keys and the business; sign-in itself is allauth's."""

from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("settings/business/", views.profile, name="profile"),
    path("settings/team/", views.team, name="team"),
    path("settings/team/invite/", views.invite, name="invite"),
    path(
        "settings/team/invitations/<int:invitation_id>/withdraw/", views.invitation_withdraw, name="invitation_withdraw"
    ),
    path("settings/team/<int:membership_id>/role/", views.member_role, name="member_role"),
    path("settings/team/<int:membership_id>/remove/", views.member_remove, name="member_remove"),
    path("settings/keys/", views.keys, name="keys"),
    path("settings/keys/<int:key_id>/revoke/", views.key_revoke, name="key_revoke"),
    path("invitation/<str:token>/", views.invitation, name="invitation"),
    path("merchant/", views.switch, name="switch"),
]
