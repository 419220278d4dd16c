from __future__ import annotations
import pytest
from connectors.sftp import Place, Session, ServerKeyError
from tests.connectors.filedrop_sftp.conftest import *

def test_x(mill, port):
    p = place_of(mill, port)
    with Session(p, allow_loopback=True, deadline_s=5) as s:
        s.folder("/orders")
        s.write_new("/orders/a.part", b"abc"*30000)
        assert s.read("/orders/a.part", max_bytes=1000000) == b"abc"*30000
        s.rename("/orders/a.part", "/orders/a.txt")
        print(s.files("/orders"))
        assert s.read("/orders/nope", max_bytes=10) is None
        assert s.remove("/orders/a.txt")
        assert not s.remove("/orders/a.txt")
