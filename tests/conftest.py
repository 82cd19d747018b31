# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes ``ansible_collections.fleetops.patchtrain`` importable from any checkout, whatever its folder is called."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def collection_path() -> Path:
    """A folder in which this checkout stands at ``ansible_collections/fleetops/patchtrain``."""
    top = ROOT / ".cache" / "collections"
    link = top / "ansible_collections" / "fleetops" / "patchtrain"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(ROOT, target_is_directory=True)
    return top


def _install_finder() -> None:
    from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

    top = str(collection_path())
    sys.path.insert(0, top)
    _AnsibleCollectionFinder(paths=[top])._install()


_install_finder()
