# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report's files: all of them or, where one can't be made, none; never half of one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ...module_utils.errors import BadInput
from .as_csv import render_csv
from .as_html import render_html
from .as_json import render_json
from .hosts import Data


FILES = {"html": "report.html", "json": "report.json", "hosts_csv": "hosts.csv", "packages_csv": "packages.csv"}


def write_report(model: Data, directory: str | Path) -> dict[str, str]:
    """Paths of what was written: ``html, json, hosts_csv, packages_csv``. Files are for their owner alone."""
    sheets = render_csv(model)
    texts = {"html": render_html(model), "json": render_json(model), "hosts_csv": sheets["hosts.csv"], "packages_csv": sheets["packages.csv"]}
    folder = Path(directory)
    try:
        _make(folder)
        return {key: str(_replace(folder / FILES[key], text)) for key, text in texts.items()}
    except OSError as error:
        raise BadInput(f"the report can't be written to {folder}: {error.strerror or error}; choose a directory that you may write to",
                       directory=str(folder)) from error


def write_page(text: str, directory: str | Path, name: str) -> str:
    """One page beside the report; its path."""
    folder = Path(directory)
    try:
        _make(folder)
        return str(_replace(folder / name, text))
    except OSError as error:
        raise BadInput(f"{name} can't be written to {folder}: {error.strerror or error}; choose a directory that you may write to",
                       directory=str(folder)) from error


def _make(folder: Path) -> None:
    """What is missing of the directory's path; what is there stays as it is."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)


def _replace(path: Path, text: str) -> Path:
    """Readers see the old file or the new one. A temporary file is made with mode 0600."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    return path
