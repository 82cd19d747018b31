# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host code runs on Python 3.8: what a newer one would accept without a word is found here, on any Python."""

from __future__ import annotations

import ast
from typing import Iterator

from .tree import Finding, Findings, Tree

OLDEST = (3, 8)
_HOST_CODE = ("plugins/module_utils/*.py", "plugins/modules/*.py")

_NEW_METHODS = {"removeprefix": "3.9", "removesuffix": "3.9", "is_relative_to": "3.9", "bit_count": "3.10", "pairwise": "3.10"}
_NEW_KEYWORDS = {("dataclass", "slots"): "3.10", ("dataclass", "kw_only"): "3.10", ("zip", "strict"): "3.10"}
_NEW_FUNCTIONS = {("functools", "cache"): "3.9", ("math", "lcm"): "3.9", ("contextlib", "chdir"): "3.11"}
_BUILTIN_GENERICS = {"dict", "frozenset", "list", "set", "tuple", "type"}
_TYPES = _BUILTIN_GENERICS | {"bool", "bytes", "float", "int", "object", "str"}


def host_python(tree: Tree) -> Findings:
    """Syntax, names and run-time types that Python 3.8 does not have."""
    for path in tree.matching(*_HOST_CODE):
        text = tree.text(path)
        if not text.strip():
            continue
        try:
            ast.parse(text, path, feature_version=OLDEST)
        except SyntaxError as error:
            yield Finding(path, error.lineno or 1, f"not Python {OLDEST[0]}.{OLDEST[1]}: {error.msg}")
            continue
        yield from _findings(path, tree.python(path))


def _findings(path: str, module: ast.Module) -> Findings:
    if not _postpones_annotations(module):
        yield Finding(path, 1, "lacks 'from __future__ import annotations'")
    for node in _executed(module):
        said = _too_new(node)
        if said:
            yield Finding(path, getattr(node, "lineno", 1), said)


def _postpones_annotations(module: ast.Module) -> bool:
    return any(
        isinstance(node, ast.ImportFrom) and node.module == "__future__" and any(alias.name == "annotations" for alias in node.names)
        for node in module.body)


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but annotations, which are not evaluated."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _executed(child)


def _too_new(node: ast.AST) -> str:
    if isinstance(node, ast.Call):
        return _new_call(node)
    if isinstance(node, ast.ImportFrom):
        return next((_since(alias.name, _NEW_FUNCTIONS[node.module or "", alias.name])
                     for alias in node.names if (node.module or "", alias.name) in _NEW_FUNCTIONS), "")
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in _BUILTIN_GENERICS:
        return f"{node.value.id}[...] outside an annotation is of Python 3.9: use typing"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr) and (_is_type(node.left) or _is_type(node.right)):
        return "X | Y of types outside an annotation is of Python 3.10: use typing"
    return ""


def _new_call(node: ast.Call) -> str:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
    if isinstance(node.func, ast.Attribute):
        if name in _NEW_METHODS:
            return _since(name, _NEW_METHODS[name])
        if isinstance(node.func.value, ast.Name) and (node.func.value.id, name) in _NEW_FUNCTIONS:
            return _since(name, _NEW_FUNCTIONS[node.func.value.id, name])
    return next((_since(f"{name}({keyword.arg}=)", _NEW_KEYWORDS[name, keyword.arg])
                 for keyword in node.keywords if keyword.arg and (name, keyword.arg) in _NEW_KEYWORDS), "")


def _is_type(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in _TYPES or isinstance(node, ast.Constant) and node.value is None


def _since(name: str, version: str) -> str:
    return f"{name} is of Python {version}"
