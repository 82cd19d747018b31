#!/usr/bin/env python3
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the rules of this house that no ready-made linter knows; see CONTRIBUTING.md for what they are and why.

usage: check_house.py [FOLDER]      prints what is wrong, a line each, and ends with 1 when there is any
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Callable

from house import agreement, files, imports, python38
from house.tree import Finding, Findings, Tree

RULES: tuple[Callable[[Tree], Findings], ...] = (
    files.file_length,
    files.function_length,
    files.playbook_length,
    files.header,
    imports.arrows,
    imports.relative,
    imports.purity,
    python38.host_python,
    agreement.roles,
    agreement.action_group,
    agreement.module_tests,
    agreement.readme,
    agreement.requirements,
)


def check(tree: Tree) -> list[Finding]:
    """All findings of all rules, in the order of the files; of a tree that can't be parsed only why."""
    broken = list(files.syntax(tree))
    if broken:
        return broken
    return sorted({finding for rule in RULES for finding in rule(tree)})


def main(argv: list[str]) -> int:
    root = Path(argv[1]) if len(argv) > 1 else Path(__file__).resolve().parent.parent
    findings = check(Tree(root))
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
