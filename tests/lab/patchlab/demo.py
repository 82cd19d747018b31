# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration: what golden hosts have becomes a signed release, a fleet behind a load balancer is brought to exactly that under client
traffic, and a short table tells what happened."""

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
    "patch_reboot": "if_required", "patch_release": "stage:prod", "patch_allow_downgrade": True,
    "patch_health_settle": 2, "patch_change_id": "CHG-0001", "patch_report_dir": str(HOME / "reports"),
    "patch_security_patterns": ["Debian:*-security", "Debian-Security:*", "Patchlab:*-security", "Patchlab-Security:*"],
}
RELEASE, STAGES = "gl-1", ["prod"]
GPG_HOME = "/var/lib/patchtrain/gnupg"
WEB = {
    "patch_maintenance": [{"driver": "haproxy", "place": "lb1", "options": {"backend": "web"}}],
    "patch_health_checks": [{"name": "answers", "url": "http://127.0.0.1:8080/health"}],
}


def main() -> int:
    begun = time.monotonic()
    fresh_fleet()
    host = yaml.safe_load((HOME / "inventory.yml").read_text())["all"]["hosts"]["lb1"]["ansible_host"]
    say("Clients ask http://%s/ all the while; the page and its data go to %s" % (host, HOME / "reports"))
    make_release()
    traffic = Traffic("http://%s:%d/" % (host, PORT)).start()
    try:
        rc = play("patch")
    finally:
        requests = traffic.stop()
    summary = summarise(requests, time.monotonic() - begun)
    SUMMARY.write_text(json.dumps(summary, indent=2) + "\n")
    show(summary)
    return rc or (1 if requests["failed"] else 0)


def fresh_fleet() -> None:
    """Up, and each host as on its first day, whatever an earlier demonstration left."""
    lab("down")
    lab("up", "--topology", "demo")
    (HOME / "group_vars").mkdir(exist_ok=True)
    (HOME / "group_vars" / "web.yml").write_text(yaml.safe_dump(WEB))
    (HOME / "deployment.yml").write_text(yaml.safe_dump(DEPLOYMENT))


def lab(command: str, *words: str) -> None:
    subprocess.run([str(LAB), command, "--name", "demo", *words], check=True)


def make_release() -> None:
    """From golden hosts to a stage, by the commands that anybody would use."""
    address = yaml.safe_load((HOME / "inventory.yml").read_text())["all"]["hosts"]["repo1"]["ansible_host"]
    repository = {"host": "repo1", "root": "/srv/patchtrain", "url": "http://%s" % address, "signing_keys": [signing_key()], "gpg_home": GPG_HOME}
    (HOME / "repository.yml").write_text(yaml.safe_dump({"release_repository": repository, "release_stages": STAGES}))
    for playbook, *words in (("capture",), ("approve",), ("publish", "-e", "@repository.yml"),
                             ("promote", "-e", "@repository.yml", "-e", "release_stage=prod")):
        if play(playbook, "-e", "release_name=%s" % RELEASE, *words, quiet=True):
            raise SystemExit("%s failed" % playbook)


def signing_key() -> str:
    """The site's OpenPGP key, on the repository host; its fingerprint."""
    script = ("install -d -m 0700 {0} && gpg --batch --quiet --no-tty --homedir {0} --status-fd 1 --pinentry-mode loopback --passphrase '' "
              "--quick-generate-key 'Demonstration' rsa2048 sign never && gpgconf --homedir {0} --kill all").format(GPG_HOME)
    done = subprocess.run([str(LAB), "exec", "--name", "demo", "repo1", "--", script], check=True, capture_output=True, text=True)
    return next(line.split()[3] for line in done.stdout.splitlines() if "KEY_CREATED" in line)


def play(playbook: str, *words: str, quiet: bool = False) -> int:
    """The same command that anybody would use; its return code. What is said of one that failed is shown in any case."""
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "inventory.yml", "fleetops.patchtrain.%s" % playbook,
               "-e", "@deployment.yml", *words]
    env = dict(os.environ, ANSIBLE_COLLECTIONS_PATH=str(collections()), ANSIBLE_FORKS="10", ANSIBLE_PIPELINING="1",
               XDG_STATE_HOME=str(HOME / "state"), ANSIBLE_NOCOWS="1")
    say("$ ansible-playbook -i inventory.yml fleetops.patchtrain.%s %s" % (playbook, " ".join(["-e @deployment.yml", *words])))
    done = subprocess.run(command, env=env, check=False, cwd=HOME, text=True,
                          stdout=subprocess.PIPE if quiet else None, stderr=subprocess.STDOUT if quiet else None)
    if quiet:
        said = [line.strip() for line in done.stdout.splitlines() if '"msg": ' in line]
        say(done.stdout if done.returncode else "  " + (said[-1][len('"msg": "'):-1] if said else ""))
    return done.returncode


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
            "release": next(iter(model["summary"].get("releases", [])), None),
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
    release = summary["release"] or {"name": "none", "digest": "", "exact": 0, "hosts": 0}
    say("Release %s (%s): %d of %d hosts exactly at it" % (release["name"], release["digest"][:12], release["exact"], release["hosts"]))
    say("Client requests: %(served)d served, %(failed)d failed" % summary["requests"])
    say("Page: %s" % summary["page"])


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
