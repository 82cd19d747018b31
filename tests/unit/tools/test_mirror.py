# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The slow mirror of the benchmark offers what it says, and no faster than it says."""

from __future__ import annotations

import hashlib
import io
import time
from pathlib import Path

import pytest
from benchmark import mirror


def test_the_index_is_of_the_file(tmp_path: Path) -> None:
    mirror.make(tmp_path / "mirror", 1)
    content = (tmp_path / "mirror" / "new.deb").read_bytes()
    index = (tmp_path / "mirror" / "Packages").read_text()
    assert "Size: %d\n" % len(content) in index and "SHA256: %s\n" % hashlib.sha256(content).hexdigest() in index
    assert len(content) > 1_000_000 > (tmp_path / "mirror" / "old.deb").stat().st_size
    assert hashlib.sha256(index.encode()).hexdigest() in (tmp_path / "mirror" / "Release").read_text()


def test_the_pace_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setattr(time, "monotonic", lambda: 0.0)
    handler = mirror._Handler.__new__(mirror._Handler)
    handler._pause = 0.5
    handler.copyfile(io.BytesIO(bytes(3 * mirror._CHUNK)), io.BytesIO())
    assert slept == [0.5, 1.0, 1.5]
