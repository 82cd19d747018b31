# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs and files of this very machine, with all that can go wrong with them."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils import runner as module
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import CommandTimeout, NotReadable, ToolMissing

NOBODY = 65534


@contextmanager
def without_root():
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture()
def system():
    return module.SystemRunner()


def test_what_this_user_may_not_read_is_a_failure_that_says_so(system, tmp_path):
    """Not a traceback, and not the same as a file that is not there."""
    (tmp_path / "secret").write_text("x")
    tmp_path.chmod(0o000)
    try:
        with without_root(), pytest.raises(NotReadable, match="secret can't be read by uid .*become") as caught:
            system.read(str(tmp_path / "secret"))
    finally:
        tmp_path.chmod(0o700)
    assert caught.value.data["path"] == str(tmp_path / "secret")


def test_a_process_that_ends_while_it_is_looked_at_has_no_file(system, monkeypatch):
    child = subprocess.Popen(["sleep", "60"])
    handle = open("/proc/%d/stat" % child.pid, encoding="utf-8")
    child.kill()
    child.wait()
    monkeypatch.setattr(module, "open", lambda *args, **kwargs: handle, raising=False)
    assert system.read("/proc/%d/stat" % child.pid) is None
