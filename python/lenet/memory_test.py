import types

import psutil
import pytest

from lenet import memory
from lenet.errors import UserError


def test_what_the_machine_cannot_hold_is_refused(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: types.SimpleNamespace(available=2e9))
    memory.require("--batch_size", 2e9)
    with pytest.raises(UserError, match=r"^--batch_size: .* about 2.5 GB .* and 2.0 GB are left"):
        memory.require("--batch_size", 2.5e9)
