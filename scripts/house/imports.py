# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arrows of docs/architecture.md: who may import what."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from typing import Iterator

from .tree import Finding, Findings, Tree

_HOST = "plugins.module_utils"
_CONTROLLER = "plugins.plugin_utils"


@dataclass(frozen=True)
class Room:
    """A folder or file of the collection: what it may import of ours, and from outside beside the standard library."""

    path: str
    ours: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()


# The longest path that fits a file decides.
ROOMS = (
    Room("plugins/module_utils/", (_HOST,)),
    Room("plugins/modules/", (_HOST,), ("ansible.module_utils.basic",)),
    Room("plugins/action/", (_HOST, _CONTROLLER), ("ansible",)),
    # Its steps are those actions.
    Room("plugins/action/host_roll.py", (_HOST, _CONTROLLER, "plugins.action"), ("ansible",)),
    Room("plugins/callback/", (_HOST, _CONTROLLER), ("ansible",)),
    Room("plugins/doc_fragments/"),
    Room("plugins/plugin_utils/", (_HOST, _CONTROLLER), ("ansible", "yaml", "jinja2")),
    Room("plugins/plugin_utils/scheduling/", (f"{_HOST}.errors", f"{_CONTROLLER}.scheduling"), ("jmespath",)),
    Room("plugins/plugin_utils/scheduling/_libraries.py", (f"{_HOST}.errors",), ("dateutil", "icalendar", "recurring_ical_events")),
    Room("plugins/plugin_utils/ledger/", (_HOST, f"{_CONTROLLER}.ledger", f"{_CONTROLLER}.scheduling"), ("sqlalchemy",)),
    Room("plugins/plugin_utils/report/", (_HOST, f"{_CONTROLLER}.report", f"{_CONTROLLER}.ledger"), ("jinja2", "markupsafe")),
    Room("plugins/plugin_utils/releases/", (_HOST, f"{_CONTROLLER}.releases")),
    Room("plugins/plugin_utils/settings.py", (f"{_HOST}.errors", f"{_HOST}.packages.records", f"{_CONTROLLER}.scheduling", f"{_CONTROLLER}.setting_values")),
)

# What only computes can be tested by properties and run anywhere: it sees no file, no program, no clock.
_PURE = (
    "plugins/module_utils/packages/records.py",
    "plugins/module_utils/packages/versions.py",
    "plugins/module_utils/packages/selection.py",
    "plugins/module_utils/packages/resolve.py",
    "plugins/module_utils/*/parse.py",
    "plugins/plugin_utils/scheduling/*.py",
    "plugins/plugin_utils/releases/*.py",
)
_IMPURE = {"os", "subprocess", "socket", "shutil", "pathlib", "tempfile", "time", "random", "urllib", f"{_HOST}.runner"}

# AnsiballZ reads imports, it doesn't run them.
_DYNAMIC = {"__import__", "import_module"}

# Younger than Python 3.8.
_NEW_IN_STDLIB = {"graphlib", "tomllib", "zoneinfo"}


@dataclass(frozen=True)
class Import:
    """One imported name, with its dotted path from the collection's root if it is ours."""

    name: str
    ours: bool
    line: int


def arrows(tree: Tree) -> Findings:
    """Nothing imports against the arrows."""
    for path in tree.matching("plugins/*.py"):
        room = _room_of(path)
        if room is None:
            yield Finding(path, 1, "no room of docs/architecture.md: add it there and to scripts/house/imports.py")
            continue
        for imported in imports_of(tree, path):
            if not _allowed(room, imported):
                yield Finding(path, imported.line, f"imports {imported.name}, which {room.path} may not")


def relative(tree: Tree) -> Findings:
    """Inside the collection imports are relative, and static in what is shipped to hosts."""
    for path in tree.matching("plugins/*.py"):
        for imported in imports_of(tree, path):
            if imported.name.startswith("ansible_collections."):
                yield Finding(path, imported.line, f"imports {imported.name}: imports inside the collection are relative")
    for path in tree.matching("plugins/module_utils/*.py", "plugins/modules/*.py"):
        for node in ast.walk(tree.python(path)):
            if isinstance(node, ast.Call) and _called(node) in _DYNAMIC:
                yield Finding(path, node.lineno, f"{_called(node)}: imports of host code are static")


def purity(tree: Tree) -> Findings:
    """What is meant to be pure has no means to be otherwise."""
    for path in tree.matching(*_PURE):
        for imported in imports_of(tree, path):
            if any(_under(imported.name, name) for name in _IMPURE):
                yield Finding(path, imported.line, f"imports {imported.name}, but is pure by docs/architecture.md")


def outside_names(tree: Tree) -> dict[str, Finding]:
    """What the collection imports beside itself, the standard library and ansible, each with one place that does."""
    found: dict[str, Finding] = {}
    for path in tree.matching("plugins/*.py"):
        for imported in imports_of(tree, path):
            top = imported.name.split(".")[0]
            if not imported.ours and top != "ansible" and not _in_stdlib(top):
                found.setdefault(top, Finding(path, imported.line, f"imports {top}"))
    return found


def imports_of(tree: Tree, path: str) -> Iterator[Import]:
    for node in ast.walk(tree.python(path)):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, False, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(path, node)
            yield from (Import(f"{base}.{alias.name}", node.level > 0, node.lineno) for alias in node.names)


def _base(path: str, node: ast.ImportFrom) -> str:
    if node.level == 0:
        return node.module or ""
    package = path.split("/")[:-1]
    above = package[: len(package) - (node.level - 1)]
    return ".".join([*above, *([node.module] if node.module else [])])


def _room_of(path: str) -> Room | None:
    fitting = [room for room in ROOMS if path.startswith(room.path)]
    return max(fitting, key=lambda room: len(room.path), default=None)


def _allowed(room: Room, imported: Import) -> bool:
    if imported.ours:
        return any(_under(imported.name, name) for name in room.ours)
    top = imported.name.split(".")[0]
    host = room.path in ("plugins/module_utils/", "plugins/modules/")
    if _in_stdlib(top):
        return not (host and top in _NEW_IN_STDLIB)
    return any(_under(imported.name, name) for name in room.outside)


def _in_stdlib(top: str) -> bool:
    return top in sys.stdlib_module_names


def _under(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
