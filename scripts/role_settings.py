#!/usr/bin/env python3
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write what the role patch says of its settings from the one place that defines them, plugin_utils/settings.py: defaults, argument
specification, and the table of its README. With --check nothing is written, and a file that differs is named (exit code 1)."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
runpy.run_path(str(ROOT / "tests" / "conftest.py"))  # makes the collection importable
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils import settings  # noqa: E402  pylint: disable=wrong-import-position

ROLE = ROOT / "roles" / "patch"
HEAD = "---\n" + "".join("# %s\n" % line for line in (
    "Copyright (c) 2026, fleetops.patchtrain contributors",
    "GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)",
    "SPDX-License-Identifier: GPL-3.0-or-later"))
ENTRIES = {
    "main": "One host's whole cycle, for a play of one's own",
    "prepare": "Open the run, assess, record and download the transaction; nobody is out of service yet",
    "plan": "Decide the order of the roll and print it",
    "roll": "Slot, drain, install, reboot, health gate, restore",
    "finish": "Finish the run and write its report",
    "assess": "What a host lacks and what stands in the way of patching it",
    "drain": "Only take the host out of service",
    "restore": "Bring back a host that stayed drained",
}
RAW = ("patch_max_unavailable", "patch_max_failed", "patch_canaries", "patch_retries")
DICTS = ("patch_maintenance", "patch_health_checks", "patch_blocker_checks", "patch_budgets")
FORCE = {"description": "Brings back a host that does not pass its health gate, for this reason, which is recorded.", "type": "str", "default": ""}


class _Dumper(yaml.SafeDumper):
    """The settings are written once and referred to by the other entry points."""

    shared: Any = None

    def ignore_aliases(self, data: Any) -> bool:
        return data is not self.shared

    def generate_anchor(self, node: Any) -> str:
        return "settings"

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def main() -> int:
    wanted = {ROLE / "defaults/main.yml": defaults(), ROLE / "meta/argument_specs.yml": specification(), ROLE / "README.md": readme()}
    stale = [path for path, text in wanted.items() if path.read_text() != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print("%s is not what settings.py says: run scripts/role_settings.py" % path.relative_to(ROOT))
        return 1 if stale else 0
    for path in stale:
        path.write_text(wanted[path])
    return 0


def defaults() -> str:
    lines = ["%s: %s\n" % (s["name"], _flow(s["default"])) for s in settings.described()]
    return HEAD + "# Every setting with its default; what each means is in meta/argument_specs.yml and the role's README.\n" + "".join(
        lines) + 'patch_force_reason: ""\n'


def specification() -> str:
    options = {s["name"]: _option(s) for s in settings.described()}
    options["patch_force_reason"] = FORCE
    _Dumper.shared = options
    spec = {"argument_specs": {name: {"short_description": about, "options": options} for name, about in ENTRIES.items()}}
    return HEAD + yaml.dump(spec, Dumper=_Dumper, sort_keys=False, width=120, default_flow_style=False)


def readme() -> str:
    rows = "".join("| `%s` | `%s` | %s%s |\n" % (
        s["name"], _flow(s["default"]).replace("|", "\\|"), _sentence(s["about"]).replace("|", "\\|"), " (of the whole run)" if s["run_wide"] else "")
        for s in settings.described())
    text = (ROLE / "README.md").read_text()
    return re.sub(r"(?<=\| variable \| default \| meaning \|\n\|---\|---\|---\|\n)(\| `patch_.*\n)+?(?=\| `patch_force_reason)", lambda _found: rows, text)


def _option(setting: dict[str, Any]) -> dict[str, Any]:
    name, default = setting["name"], setting["default"]
    about = _sentence(setting["about"]) + "." + (" The same for all hosts of a run." if setting["run_wide"] else "")
    option: dict[str, Any] = {"description": about, **_type(name, default)}
    if setting["choices"]:
        option["choices"] = list(setting["choices"])
    return option if default is None else {**option, "default": default}


def _type(name: str, default: Any) -> dict[str, str]:
    if name in RAW:
        return {"type": "raw"}
    if isinstance(default, list):
        return {"type": "list", "elements": "dict" if name in DICTS else "str"}
    return {"type": {dict: "dict", bool: "bool", float: "float", int: "int"}.get(type(default), "str")}


def _flow(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=1000).replace("\n...", "").strip()


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


if __name__ == "__main__":
    sys.exit(main())
