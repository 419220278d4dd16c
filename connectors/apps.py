from django.apps import AppConfig
from django.core.checks import Tags, register

from connectors import checks


class ConnectorsConfig(AppConfig):
    name = "connectors"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        register(checks.credential_keys, Tags.security)
        register(checks.no_try_out, Tags.security, deploy=True)
