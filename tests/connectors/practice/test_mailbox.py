"""The practice mailbox: keeps what was sent, shows it without letting it do anything."""

from __future__ import annotations

import pytest
from django.core.mail import BadHeaderError, EmailMessage, EmailMultiAlternatives, send_mail
from django.urls import reverse
from pytest_django.asserts import assertContains, assertNotContains

from connectors.practice.models import PracticeMail

HTML = '<p style="color:red">On its way</p><script>alert(1)</script>'


@pytest.fixture(autouse=True)
def mailbox(settings, db):
    settings.EMAIL_BACKEND = "connectors.practice.mailbox.PracticeMailbox"


@pytest.fixture
def kept():
    mail = EmailMultiAlternatives("Your order", "On its way: NZ1", "shop@kauri.example", ["h@example.com"])
    mail.attach_alternative(HTML, "text/html")
    mail.send()
    return PracticeMail.objects.get()


def test_a_mail_is_kept_with_text_and_html(kept):
    assert (kept.to, kept.subject, kept.text, kept.html) == ("h@example.com", "Your order", "On its way: NZ1", HTML)


def test_a_mail_without_html_is_kept_too():
    assert send_mail("Hello", "Text", None, ["h@example.com"]) == 1
    assert PracticeMail.objects.get().html == ""


def test_a_mail_that_could_not_be_sent_is_refused():
    with pytest.raises(BadHeaderError):
        EmailMessage("Hello\nBcc: everybody@example.com", "Text", None, ["h@example.com"]).send()

    assert not PracticeMail.objects.exists()


def test_copies_count_as_receivers():
    EmailMessage("Hello", "Text", None, ["a@example.com"], cc=["b@example.com"], bcc=["c@example.com"]).send()

    assert PracticeMail.objects.get().to == "a@example.com, b@example.com, c@example.com"


def test_the_list_and_the_mail_are_shown(client, kept):
    assertContains(client.get(reverse("practice:mailbox")), "Your order")
    page = client.get(reverse("practice:mail", args=[kept.pk]))

    assertContains(page, "On its way: NZ1")
    assertContains(page, "sandbox")
    assertNotContains(page, "alert(1)")


def test_a_mails_html_stands_alone_under_a_policy_that_lets_nothing_run(client, kept):
    page = client.get(reverse("practice:mail_html", args=[kept.pk]))

    policy = page.headers["Content-Security-Policy"]
    assert page.content.decode() == HTML
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "sandbox" in policy
    assert page.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_an_empty_mailbox_says_so(client):
    assertContains(client.get(reverse("practice:mailbox")), "No mail yet")


@pytest.mark.parametrize("name", ["mail", "mail_html"])
def test_a_mail_that_is_not_there_is_404(client, name):
    assert client.get(reverse(f"practice:{name}", args=[1])).status_code == 404
