# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checkout as the rules see it: which files there are, what is in them, and what is found wrong."""

from __future__ import annotations

import ast
import subprocess
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any, Iterable, Iterator

import yaml


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that breaks a rule of the house."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


Findings = Iterator[Finding]


class Tree:
    """A checkout: the files that are, or would be, in git."""

    def __init__(self, root: Path, paths: Iterable[str] | None = None) -> None:
        self.root = root
        self.paths = tuple(sorted(git_files(root) if paths is None else paths))
        self.python = cache(self._python)

    def matching(self, *globs: str) -> list[str]:
        """Paths that match one of the globs; a ``*`` also matches slashes."""
        return [path for path in self.paths if any(fnmatch(path, glob) for glob in globs)]

    def text(self, path: str) -> str:
        return (self.root / path).read_text(encoding="utf-8")

    def yaml(self, path: str) -> Any:
        return yaml.safe_load(self.text(path))

    def _python(self, path: str) -> ast.Module:
        return ast.parse(self.text(path), path)


def git_files(root: Path) -> list[str]:
    """Files that git tracks or would add, without links and without those deleted in the working tree."""
    # An owner other than the caller is ordinary here: root runs the lab's tests in a user's checkout.
    argv = ["git", "-c", "safe.directory=*", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted({path for path in listed if path and (root / path).is_file() and not (root / path).is_symlink()})
