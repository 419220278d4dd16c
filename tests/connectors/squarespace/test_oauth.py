"""The way to Squarespace's login and its token address."""

from __future__ import annotations

from connectors.grants import App, Trip
from connectors.squarespace import form, oauth

APP = App("our-app", ("hush",), "https://login.squarespace.com")
PROVIDER = "https://login.squarespace.com/api/1/login/oauth/provider"
RETURN = "https://portal.example/back/"


def test_the_merchant_goes_to_the_login():
    trip = Trip(base_url=form.API, shop_domain="", state="s1", return_url=RETURN)

    assert oauth.authorize_url(APP, trip).startswith(f"{PROVIDER}/authorize?client_id=our-app&")


def test_tokens_are_asked_of_the_login_too():
    asked = oauth.exchange(APP, form.API, "code", RETURN), oauth.refresh(APP, form.API, {"refresh_token": "r"})

    assert [(request.url, request.auth) for request in asked] == [(f"{PROVIDER}/tokens", ("our-app", "hush"))] * 2
