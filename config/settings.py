"""Settings from the environment (.env.example lists them), in the order of Django's documentation.

Without any environment this is the try-out set-up: SQLite, practice stores and the practice mailbox.
`STOREWARD_ENV=production` turns all of that off and asks for what production needs.
"""

import re
from datetime import timedelta
from pathlib import Path

import environ
import fontpkg_inter
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"  # everything that a try-out writes

env = environ.Env()
if (BASE_DIR / ".env").exists():
    env.read_env(BASE_DIR / ".env")

PRODUCTION = env.str("STOREWARD_ENV", "try-out") == "production"


def _secret(name: str, try_out: str) -> str:
    """A secret that production must bring along."""
    value: str = env.str(name, "" if PRODUCTION else try_out)
    if not value:
        raise ImproperlyConfigured(f"Set {name}: see .env.example.")
    return value


# Core
SECRET_KEY = _secret("SECRET_KEY", "try-out-only-" + "0123456789abcdef" * 4)
DEBUG = env.bool("DEBUG", False) and not PRODUCTION
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[] if PRODUCTION else ["127.0.0.1", "localhost", "testserver"])
INSTALLATION_TOKEN = env.str("INSTALLATION_TOKEN", "")  # in references; empty: the one that the database keeps
if not re.fullmatch(r"[0-9A-Z]{0,8}", INSTALLATION_TOKEN):
    raise ImproperlyConfigured("INSTALLATION_TOKEN has up to eight capital letters and digits: see .env.example.")
BASE_URL = env.str("BASE_URL", "http://127.0.0.1:8000").rstrip("/")  # how merchants and stores reach us
CSRF_TRUSTED_ORIGINS = [BASE_URL] if BASE_URL.startswith("https://") else []
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024  # a larger body is refused with 413
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000  # a draft of 500 lines has three of customs data for each
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
FIRST_DAY_OF_WEEK = 1

INSTALLED_APPS = [
    "django_q",  # before orders, whose admin takes its pages off
    "accounts",
    "connectors",
    "orders",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "lucide",
    "rest_framework",
]

MIDDLEWARE = [
    "config.middleware.RefuseNulMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "accounts.middleware.MerchantMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

# Caches: limits are counted in the shared one; django-q2's heartbeat has its own.
_REDIS = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": env.str("REDIS_URL", "")}
CACHES = {
    "default": (
        _REDIS
        if _REDIS["LOCATION"]
        else {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "storeward_cache"}
    ),
    "rates": (
        _REDIS
        if _REDIS["LOCATION"]
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "rates"}
    ),
    "q-local": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "q"},
}

# Database: the try-out is SQLite in WAL mode; writers queue up instead of failing.
DATABASES = {"default": env.db_url("DATABASE_URL", f"sqlite:///{VAR_DIR / 'storeward.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    if PRODUCTION:
        raise ImproperlyConfigured("Set DATABASE_URL to a PostgreSQL database: see .env.example.")
    VAR_DIR.mkdir(exist_ok=True)
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;",
    }
DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", 60)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

# E-mail: the try-out keeps every mail for the practice mailbox page.
PRACTICE_STORES = env.bool("PRACTICE_STORES", not PRODUCTION)
_EMAIL_URL = env.str("EMAIL_URL", "")
vars().update(env.email_url_config(_EMAIL_URL or "smtp://localhost:25"))
if PRACTICE_STORES and not _EMAIL_URL:
    EMAIL_BACKEND = "connectors.practice.mailbox.PracticeMailbox"
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "Storeward <orders@storeward.example>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# Forms and templates
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context_processors.merchant",
                "orders.context_processors.order_manager",
            ],
        },
    }
]

# Language and time: stored in UTC, shown in the merchant's zone (accounts.middleware).
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

# Logging: events with ids, one line each; never headers, bodies or people.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "config.logs.JsonFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", "INFO")},
    "loggers": {
        "django": {"level": env.str("LOG_LEVEL", "INFO")},  # else Django's own: INFO, whatever is asked for
        "django.server": {"handlers": ["console"], "propagate": False},
        "django-q": {"handlers": ["console"], "level": "WARNING", "propagate": False},
    },
}

# Security
SECURE_SSL_REDIRECT = PRODUCTION and env.bool("SECURE_SSL_REDIRECT", True)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_TLS_PROXY", False) else None
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_AGE = 14 * 24 * 3600
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}
CREDENTIAL_KEYS = _secret(  # newest first; `manage.py rotate_credentials` writes all anew with the first
    "CREDENTIAL_KEYS", "dHJ5LW91dC1vbmx5LWtleS0wMTIzNDU2Nzg5YWJjZGU="
).split(",")

# Static files: ours, and the ones that come in pip packages
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static", ("fonts/inter", Path(fontpkg_inter.__file__).parent / "files")]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not PRODUCTION  # the try-out needs no collectstatic
if not PRODUCTION:
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # whitenoise warns when it is missing

# Sign-in
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "orders:list"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
MFA_ADAPTER = "accounts.adapter.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_TOTP_ISSUER = "Storeward"

# API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.api_auth.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.api_auth.HasApiKey"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["orders.api.parsers.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "orders.api.problems.handle",
    "DEFAULT_THROTTLE_CLASSES": ["accounts.api_auth.ApiKeyThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "api_key": env.str("API_RATE", "6000/min"),
        "connect": env.str("API_CONNECT_RATE", "30/min"),
    },
    "COERCE_DECIMAL_TO_STRING": True,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Storeward API",
    "DESCRIPTION": (BASE_DIR / "orders" / "api" / "description.md").read_text(encoding="utf-8"),
    "TAGS": [{"name": name} for name in ("orders", "connections", "product-links", "routing")],  # these first
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "OrderStatusEnum": "orders.enums.OrderStatus",
        "PaymentStatusEnum": "orders.enums.PaymentStatus",
        "PushStatusEnum": "orders.enums.PushStatus",
        "FulfillmentStatusEnum": "orders.enums.FulfillmentStatus",
        "ShipmentStatusEnum": "orders.enums.ShipmentStatus",
        "DeliveryEnum": "orders.enums.Delivery",
        "FinancialStatusEnum": "connectors.models.FinancialStatus",
        "FulfillmentChoiceEnum": "connectors.models.FulfillmentChoice",
        "EmailPolicyEnum": "connectors.models.EmailPolicy",
        "RefundStatusEnum": "orders.enums.RefundStatus",
        "RefundRequestStatusEnum": "orders.enums.RefundRequestStatus",
        "RefundReasonEnum": "orders.enums.RefundReason",
        "HeadlineEnum": "orders.enums.Headline",
        "RoutedByEnum": "orders.enums.RoutedBy",
        "RuleKindEnum": "orders.enums.RuleKind",
        "WriteBackStateEnum": "orders.enums.WriteBackState",
        "PartnerEmailEnum": "connectors.models.PartnerEmail",
        "ConnectionStateEnum": "connectors.models.ConnectionState",
        "PartnershipStateEnum": "connectors.models.PartnershipState",
        "PartnershipSideEnum": "connectors.models.Side",
        "AcceptVerdictEnum": "orders.accepting.Verdict",
        "AddressKindEnum": "orders.enums.AddressKind",
        "DocumentKindEnum": "orders.enums.DocumentKind",
        "JobStatusEnum": "orders.enums.JobStatus",
        "PickupStatusEnum": "orders.enums.PickupStatus",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
}

# Background work: django-q2 wakes a pump; what must be done stands in our own outbox.
Q_CLUSTER = {
    "name": "storeward",
    "label": "Background tasks",
    "orm": "default",
    "cache": "q-local",
    "workers": env.int("Q_WORKERS", 2),
    "queue_limit": env.int("Q_WORKERS", 2),
    "bulk": 1,
    "poll": 0.1,
    "timeout": 90,  # longer than the pump's own budget: it never fires on a healthy pump
    "retry": 900,
    "ack_failures": True,
    "max_attempts": 1,
    "save_limit": 0,
    "catch_up": False,
    "recycle": 500,
}
PUMP_TASK = "orders.tasks.pump"
WAKE = "orders.outbox.wake"  # by dotted path: connectors may not import orders
PROMISE_LETTER = "orders.services.letters.promise"  # a mail that must not be lost; nor may accounts
MERCHANT_CHANGED = "orders.services.requirements.merchant_changed"  # nor may accounts
INBOUND_TASK = "orders.tasks.process_inbound"
SUPPLIER_CHANGED = "orders.services.asked_again.held"
CATALOG_TASK = "orders.tasks.read_catalog"
STORE_ORDERS_TASK = "orders.tasks.read_store_orders"
PUMP_BUDGET_S = 50  # a pump ends by itself before q2's time-out
PUMP_THREADS = env.int("PUMP_THREADS", 20 if DATABASES["default"]["ENGINE"].endswith("postgresql") else 8)
HTTP_DEADLINE_S = 30  # the whole of one outgoing request
LEASE_S = 120  # how long a claim holds without a sign of life; longer than any one request
CONFIRM_MARGIN = timedelta(hours=12)  # before the authorization runs out
CHANGE_POLL_EVERY = timedelta(minutes=env.int("CHANGE_POLL_MINUTES", 5))

# Payments
GATEWAYS = env.list("GATEWAYS", default=["stripe"] if PRODUCTION else ["sandbox"])
STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", "")
STRIPE_WEBHOOK_SECRETS = env.list("STRIPE_WEBHOOK_SECRETS", default=[])
STRIPE_API_URL = env.str("STRIPE_API_URL", "https://api.stripe.com")

# The way out
APP_NAME = "Storeward"  # what a store shows when it asks whether to let us in
PRACTICE_APP = "practice-app"  # our app at the practice stores
SHOPIFY_APP_KEY = env.str("SHOPIFY_APP_KEY", PRACTICE_APP if PRACTICE_STORES else "")
SHOPIFY_APP_SECRETS = env.list("SHOPIFY_APP_SECRETS", default=["practice-app-secret"] if PRACTICE_STORES else [])
SQUARESPACE_APP_KEY = env.str("SQUARESPACE_APP_KEY", PRACTICE_APP if PRACTICE_STORES else "")
SQUARESPACE_APP_SECRETS = env.list(
    "SQUARESPACE_APP_SECRETS", default=["practice-app-secret"] if PRACTICE_STORES else []
)
SQUARESPACE_LOGIN_URL = env.str("SQUARESPACE_LOGIN_URL", "https://login.squarespace.com")
PRACTICE_SFTP_PORT = env.int("PRACTICE_SFTP_PORT", 8122)  # where `manage.py practice_sftp` listens
ALLOW_LOOPBACK = PRACTICE_STORES  # outgoing calls to 127.0.0.1: for practice stores alone
