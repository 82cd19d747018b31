# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real playbooks over hosts that are all this machine, with modules that only say what a test wrote for each host.

The controller's side is the collection's own: roles, playbooks, action plugins, ledger. A load balancer is a folder of files.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from copy_checkout import ROOT

BIN = Path(sys.executable).parent

_HEAD = """#!/usr/bin/python
import json, os, time
from ansible.module_utils import basic
args = basic._load_params()
folder = os.environ["CANNED"]
said = json.load(open(folder + "/hosts.json")).get((args.get("exclude") or args.get("ignore"))[0], {})
checking = bool(args.get("_ansible_check_mode"))


def answer(**result):
    print(json.dumps(dict({"failed": False, "changed": False}, **result)))
    raise SystemExit(0)


def until(name):
    open(folder + "/" + name + ".reached", "w").close()
    while os.path.exists(folder + "/" + name + ".hold"):
        time.sleep(0.05)


"""
_MODULES = {
    "host_assess": """
if "crash" in said:
    raise OSError(said["crash"])
plan = {"changes": said.get("changes", [{"name": "a", "arch": "x", "from": "1", "to": "2"}]), "left_out": [], "digest": "d"}
answer(assessment={"counts": {}, "updates": [], "reboot": {"required": False, "reasons": []}, "metadata_age_s": 1.0,
                   "obstacles": [{"kind": "space", "message": said["obstacle"]}] if "obstacle" in said else []},
       plan=plan, health={}, held_units=[], repaired=None, downloaded=False, program=None, python=None)
""",
    "updates_install": """
if not checking:
    until("install")
if said.get("vanishes") and not checking:
    open(folder + "/gone", "w").close()
if said.get("install") and not checking:
    answer(failed=True, msg=said["install"], error={"kind": "CommandFailed"}, packages=[])
else:
    answer(changed=True, finished=True, reboot={"required": False, "reasons": []}, log="",
           packages=[{"name": "a", "arch": "x", "from": "1", "to": "2", "classification": "bugfix", "result": "installed", "reason": ""}])
""",
    "host_health_info": """
answer(differences=[], checks=[], seconds=0, samples=1)
""",
}
_CONNECTION = """
DOCUMENTATION = "name: strange\\nshort_description: to this machine until a file says that it is gone\\nextends_documentation_fragment: [connection_pipelining]"
import os
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import local


class Connection(local.Connection):
    transport = "strange"

    def exec_command(self, *args, **keywords):
        self.answer()
        done = super().exec_command(*args, **keywords)
        self.answer()
        return done

    def put_file(self, *args):
        self.answer()
        return super().put_file(*args)

    def answer(self):
        if os.path.exists(os.environ["CANNED"] + "/gone"):
            raise AnsibleConnectionFailure("no route to host")
"""
_BALANCER = """#!/bin/sh
f=$CANNED/out/$PATCHTRAIN_HOST
case $1 in
  enter) [ ! -e $f.stuck ] && touch $f;;
  verify) [ -e $f ];;
  leave) rm -f $f;;
  prior) [ -e $f ] && echo maintenance || echo in_service;;
esac
"""


@dataclass
class Done:
    rc: int
    text: str


class Canned:
    """``say`` what a host answers, ``play``, and look at the ledger and at who is out of service."""

    def __init__(self, folder: Path, hosts: tuple[str, ...] = ("h1", "h2", "h3", "h4")) -> None:
        self.folder = folder
        self.sent = folder / "sent"
        self._answers: dict[str, Any] = {}
        (folder / "out").mkdir(parents=True)
        self._collection(folder / "collections" / "ansible_collections" / "fleetops" / "patchtrain")
        (folder / "connections").mkdir()
        self.write("connections/strange.py", _CONNECTION)
        self.balancer = folder / "balancer.sh"
        self.balancer.write_text(_BALANCER)
        self.balancer.chmod(0o755)
        options = {word: [str(self.balancer), word] for word in ("enter", "verify", "leave", "prior")}
        self.maintenance = [{"driver": "command", "options": dict(options, poll=0.1)}]
        self.inventory({host: {} for host in hosts})
        self.say()

    def inventory(self, hosts: dict[str, Any], **places: Any) -> None:
        name = "{{ inventory_hostname }}"
        common = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "patch_exclude": [name], "patch_health_ignore": [name],
                  "ansible_remote_tmp": str(self.sent)}
        self.write("hosts.yml", {"all": {"vars": common, "hosts": places, "children": {"web": {"hosts": hosts}}}})

    def _collection(self, root: Path) -> None:
        (root / "plugins" / "modules").mkdir(parents=True)
        for name in ("galaxy.yml", "meta", "roles", "playbooks"):
            (root / name).symlink_to(ROOT / name)
        for name in ("action", "doc_fragments", "module_utils", "plugin_utils"):
            (root / "plugins" / name).symlink_to(ROOT / "plugins" / name)
        for module in (ROOT / "plugins" / "modules").glob("*.py"):
            if module.stem not in _MODULES:
                (root / "plugins" / "modules" / module.name).symlink_to(module)
        for name, text in _MODULES.items():
            main = "def main():\n%s\n\nif __name__ == \"__main__\":\n    main()\n" % textwrap.indent(text.strip("\n"), "    ")
            (root / "plugins" / "modules" / (name + ".py")).write_text(_HEAD + main)

    def write(self, name: str, content: Any) -> Path:
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return path

    def say(self, **hosts: Any) -> None:
        self._answers.update(hosts)
        (self.folder / "hosts.json").write_text(json.dumps(self._answers))

    def role(self, entry: str = "main", **keywords: Any) -> str:
        """A playbook of one's own around one entry point of the role."""
        task = {"ansible.builtin.import_role": {"name": "fleetops.patchtrain.patch", "tasks_from": entry}}
        return str(self.write("own.yml", [dict({"hosts": "web", "gather_facts": False, "tasks": [task]}, **keywords)]))

    def start(self, playbook: str, *words: str, **variables: Any) -> "subprocess.Popen[str]":
        deployment = dict({"patch_maintenance": self.maintenance, "patch_hosts": "web"}, **variables)
        environment = dict(
            os.environ, CANNED=str(self.folder), ANSIBLE_CONNECTION_PLUGINS=str(self.folder / "connections"),
            XDG_STATE_HOME=str(self.folder / "state"), ANSIBLE_NOCOLOR="1",
            ANSIBLE_COLLECTIONS_PATH=str(self.folder / "collections"), ANSIBLE_HOME=str(self.folder / "home"), ANSIBLE_DEPRECATION_WARNINGS="0")
        return subprocess.Popen(
            [str(BIN / "ansible-playbook"), "-i", str(self.folder / "hosts.yml"), playbook, "-e", json.dumps(deployment), *words],
            cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    @staticmethod
    def finish(process: "subprocess.Popen[str]") -> Done:
        text, _none = process.communicate(timeout=400)
        return Done(process.returncode, text)

    def play(self, playbook: str = "fleetops.patchtrain.patch", *words: str, **variables: Any) -> Done:
        return self.finish(self.start(playbook, *words, **variables))

    def ask(self, query: str) -> list[Any]:
        ledger = self.folder / "state" / "patchtrain" / "ledger.db"
        with sqlite3.connect(ledger) as connection:
            return connection.execute(query).fetchall()

    def runs(self) -> list[str]:
        return [state for (state,) in self.ask("SELECT state FROM runs ORDER BY id")]

    def states(self) -> dict[str, str]:
        return dict(self.ask("SELECT host, state FROM run_hosts ORDER BY run_id"))

    def slots(self) -> list[str]:
        return [host for (host,) in self.ask("SELECT host FROM slots WHERE returned_at IS NULL ORDER BY host")]

    def out(self) -> list[str]:
        """Who is out of service at the load balancer."""
        return sorted(path.name for path in (self.folder / "out").iterdir() if not path.suffix)
