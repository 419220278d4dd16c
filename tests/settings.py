"""Settings for tests: the real ones, with nothing that leaves the process."""

import os

os.environ.setdefault("STOREWARD_ENV", "try-out")
os.environ["PRACTICE_STORES"] = "1"
os.environ["INSTALLATION_TOKEN"] = "TESTS"  # one that costs no statement
os.environ["API_CONNECT_RATE"] = "6000/min"  # some tests connect often

from config.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "default"},
    "rates": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "rates"},
    "q-local": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "q"},
}
WHITENOISE_AUTOREFRESH = True  # files are looked up when asked for, and not all listed for each test client
GATEWAYS = ["sandbox", "stripe"]
STRIPE_SECRET_KEY = "sk_test_not_a_real_key"
STRIPE_WEBHOOK_SECRETS = ["whsec_test"]
LOGGING["root"]["level"] = "WARNING"  # noqa: F405
if DATABASES["default"]["ENGINE"].endswith("postgresql"):  # noqa: F405
    # A test's commits need not outlive the machine.
    DATABASES["default"].setdefault("OPTIONS", {})["options"] = "-c synchronous_commit=off"  # noqa: F405
