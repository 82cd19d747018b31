# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration: a fleet behind a load balancer is patched under client traffic, and a short table tells what happened."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from .traffic import Traffic

ROOT = Path(__file__).resolve().parents[3]
LAB = ROOT / "tests" / "lab" / "lab"
HOME = ROOT / ".lab" / "demo"
SUMMARY = ROOT / ".lab" / "demo.json"
PORT = 80

DEPLOYMENT = {
    "patch_deployment": "demo", "patch_hosts": "fleet", "patch_max_unavailable": 2, "patch_canaries": ["web1"],
    "patch_reboot": "if_required", "patch_health_settle": 2, "patch_change_id": "CHG-0001", "patch_report_dir": str(HOME / "reports"),
    "patch_security_patterns": ["Debian:*-security", "Debian-Security:*", "Patchlab:*-security", "Patchlab-Security:*"],
}
WEB = {
    "patch_maintenance": [{"driver": "haproxy", "place": "lb1", "options": {"backend": "web"}}],
    "patch_health_checks": [{"name": "answers", "url": "http://127.0.0.1:8080/health"}],
}


def main() -> int:
    begun = time.monotonic()
    fresh_fleet()
    host = yaml.safe_load((HOME / "inventory.yml").read_text())["all"]["hosts"]["lb1"]["ansible_host"]
    say("Clients ask http://%s/ all the while; the page and its data go to %s" % (host, HOME / "reports"))
    traffic = Traffic("http://%s:%d/" % (host, PORT)).start()
    try:
        rc = patch()
    finally:
        requests = traffic.stop()
    summary = summarise(requests, time.monotonic() - begun)
    SUMMARY.write_text(json.dumps(summary, indent=2) + "\n")
    show(summary)
    return rc or (1 if requests["failed"] else 0)


def fresh_fleet() -> None:
    """Up, and each host as on its first day, whatever an earlier demonstration left."""
    lab("down")
    lab("up", "--topology", "web")
    (HOME / "group_vars").mkdir(exist_ok=True)
    (HOME / "group_vars" / "web.yml").write_text(yaml.safe_dump(WEB))
    (HOME / "deployment.yml").write_text(yaml.safe_dump(DEPLOYMENT))


def lab(command: str, *words: str) -> None:
    subprocess.run([str(LAB), command, "--name", "demo", *words], check=True)


def patch() -> int:
    """The same command that anybody would use; its return code."""
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(HOME / "inventory.yml"), "fleetops.patchtrain.patch",
               "-e", "@%s" % (HOME / "deployment.yml")]
    env = dict(os.environ, ANSIBLE_COLLECTIONS_PATH=str(collections()), ANSIBLE_FORKS="10", ANSIBLE_PIPELINING="1",
               XDG_STATE_HOME=str(HOME / "state"), ANSIBLE_NOCOWS="1")
    say("$ ansible-playbook -i inventory.yml fleetops.patchtrain.patch -e @deployment.yml")
    return subprocess.run(command, env=env, check=False).returncode


def collections() -> Path:
    """A folder in which this checkout stands as an installed collection would."""
    top = ROOT / ".cache" / "collections"
    link = top / "ansible_collections" / "fleetops" / "patchtrain"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(ROOT, target_is_directory=True)
    return top


def summarise(requests: dict[str, Any], seconds: float) -> dict[str, Any]:
    newest = max((HOME / "reports").iterdir(), key=lambda folder: folder.stat().st_mtime)
    model = json.loads(next(newest.glob("*.json")).read_text())
    return {"hosts": [of_host(host) for host in model["hosts"]],
            "requests": {"served": requests["served"], "failed": requests["failed"]},
            "page": str(next(newest.glob("*.html"))), "seconds": round(seconds)}


def of_host(host: dict[str, Any]) -> dict[str, Any]:
    """The level is told by the lab's own package, which every host has in two versions."""
    level = next((p for p in host["packages"] if p["name"] == "patchlab-web" and p["from"]), {"from": None, "to": None})
    out = sum((stretch["to"] or model_end(host)) - stretch["from"] for stretch in host["out_of_service"])
    reboot = host["reboot"] or {}
    return {"name": host["name"], "from": level["from"], "to": level["to"], "out_of_service_s": round(out, 1),
            "reboot": bool(reboot.get("done")), "state": host["state"]}


def model_end(host: dict[str, Any]) -> float:
    return float(max(step["finished_at"] or step["started_at"] for step in host["steps"]))


def show(summary: dict[str, Any]) -> None:
    say("%-10s %-10s %-10s %16s  %-7s %s" % ("HOST", "FROM", "TO", "OUT OF SERVICE", "REBOOT", "STATE"))
    for host in summary["hosts"]:
        say("%-10s %-10s %-10s %14.1f s  %-7s %s" % (host["name"], host["from"] or "-", host["to"] or "-", host["out_of_service_s"],
                                                     "yes" if host["reboot"] else "no", host["state"]))
    say("Client requests: %(served)d served, %(failed)d failed" % summary["requests"])
    say("Page: %s" % summary["page"])


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
