"""Nothing arrives from a supplier by SFTP: what says it does is not believed."""

from __future__ import annotations

import pytest

from connectors.base import Account
from connectors.errors import BadSignatureError
from connectors.filedrop_sftp.connector import SftpDropConnector


def test_a_webhook_in_its_name_is_refused_and_says_of_whom():
    with pytest.raises(BadSignatureError, match="by SFTP sends no webhooks"):
        SftpDropConnector.parse_webhook(headers={}, body=b"{}", secrets=["hush"], account=Account("sftp://x", {}))
