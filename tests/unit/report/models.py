# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report models as the ledger gives them: of any size, repeatable, and with texts that mean harm."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report import compliance, releases
from hypothesis import strategies as st

Model = dict[str, Any]
NOW = 1793673120.0  # 2026-11-03 02:32 UTC
START = NOW - 5400

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "<img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "' onmouseover='alert(1)",
    "=HYPERLINK(\"http://example.invalid/?\"&A1,\"x\")",
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1+1)",
    "\t=1+1",
    "\r=1+1",
    "ok\";=1+1",
    "\x1b[2J\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x9b31m",
    "user\u202etxt.exe",
    "zero\u200bwidth\u2066iso",
    "line\u2028separator\nsecond line\rthird",
    "{{ lookup('pipe', 'id') }}",
    "$(reboot); `id` | sh && rm -rf /",
    "broken \udcff byte \ud800",
    "nul \x00 byte",
    "https://user:s3cret@repo.example/debian",
    "x" * 5000,
    "\u05e9\u05dc\u05d5\u05dd \u6f22\u5b57 e\u0301",
)

_PACKAGES = (
    ("openssl", "3.0.14-1~deb12u1", "3.0.15-1~deb12u1", "security", "important", ("DSA-5764-1",), ("CVE-2026-5535",)),
    ("libssl3", "3.0.14-1~deb12u1", "3.0.15-1~deb12u1", "security", "important", ("DSA-5764-1",), ("CVE-2026-5535",)),
    ("linux-image-amd64", "6.1.99-1", "6.1.106-3", "security", "critical", ("DSA-5747-1",),
     ("CVE-2026-41011", "CVE-2026-42228", "CVE-2026-43839")),
    ("nginx", "1.22.1-9", "1.22.1-9+deb12u2", "security", "moderate", ("DSA-5770-1",), ("CVE-2026-7347",)),
    ("curl", "7.88.1-10+deb12u6", "7.88.1-10+deb12u7", "security", "low", ("DSA-5587-2",), ("CVE-2026-7264",)),
    ("base-files", "12.4+deb12u6", "12.4+deb12u7", "other", "unknown", (), ()),
    ("tzdata", "2026a-0+deb12u1", "2026b-0+deb12u1", "other", "unknown", (), ()),
    ("python3.11", "3.11.2-6+deb12u2", "3.11.2-6+deb12u3", "bugfix", "unknown", (), ()),
    ("libc6", "2.36-9+deb12u7", "2.36-9+deb12u8", "bugfix", "unknown", (), ()),
    ("systemd", "252.26-1~deb12u2", "252.30-1~deb12u2", "enhancement", "unknown", (), ()),
    ("shop-frontend", "4.11.0", "4.12.0", "unknown", "unknown", (), ()),
    ("postgresql-client-15", "15.7-0+deb12u1", "15.8-0+deb12u1", "bugfix", "unknown", (), ()),
)
_PLATFORMS = (("debian", "12", "amd64", "apt"), ("rhel", "9.4", "x86_64", "dnf"), ("opensuse-leap", "15.6", "x86_64", "zypper"))
_CYCLE = (("enter", "lb01", 12), ("install", "", 45), ("reboot", "", 9), ("gate", "", 16), ("leave", "lb01", 4))
_ENDINGS = {
    "failed": ("health gate: nginx.service is failed, was running", "non_compliant"),
    "unreachable": ("no answer within 10 s while the host was drained", "unknown"),
    "blocked": ("/boot has 12 MiB free and the transaction needs 48 MiB", "non_compliant"),
    "deferred": ("the window closes before the longest cycle would end", "non_compliant"),
    "not_started": ("max_failed is used up: web03.example.net failed", "non_compliant"),
    "reboot_pending": ("patch_reboot is never and a reboot is due", "non_compliant"),
}


def _update(index: int) -> Model:
    name, installed, candidate, classification, severity, advisories, cves = _PACKAGES[index]
    return {"name": name, "arch": "amd64", "installed": installed, "candidate": candidate, "classification": classification,
            "severity": severity, "advisories": list(advisories), "cves": list(cves), "source": "Debian-Security:stable-security",
            "size": 10_000 * (index + 1), "held": index == 11, "phased": False}


def _counts(updates: list[Model]) -> Model:
    counted = Counter(update["classification"] for update in updates)
    names = ("security", "bugfix", "enhancement", "other", "unknown")
    return {**{name: counted[name] for name in names}, "held": sum(update["held"] for update in updates), "total": len(updates)}


def assessment(dice: random.Random, updates: list[Model], age: float, due: bool) -> Model:
    system, version, arch, manager = dice.choice(_PLATFORMS)
    return {
        "at": NOW - age, "age_s": age, "platform": {"id": system, "version": version, "arch": arch}, "manager": manager,
        "metadata_age_s": age + 240.0, "updates": updates, "counts": _counts(updates), "release": None, "drift": [],
        "reboot": {"required": due, "reasons": ["package: linux-image-amd64"] if due else []}, "interrupted": None, "obstacles": [],
        "kernel": {"running": "6.1.0-22-amd64", "default": "6.1.0-25-amd64", "installed": [], "applicable": True},
        "boot_id": f"{dice.getrandbits(128):032x}",
    }


def _outcomes(updates: list[Model], result: str) -> list[Model]:
    return [{"name": u["name"], "arch": u["arch"], "from": u["installed"], "to": u["candidate"], "classification": u["classification"],
             "result": "held" if u["held"] else result, "reason": "held by its administrator" if u["held"] else ""} for u in updates]


def _cycle(dice: random.Random, name: str, begin: float, fails_in: str | None) -> tuple[list[Model], float | None]:
    """Steps, and when the host came back."""
    steps, time = [], begin
    for step, place, seconds in _CYCLE:
        took = seconds * dice.uniform(0.7, 1.6)
        failed = step == fails_in
        steps.append({"step": step, "place": place or name, "started_at": time, "finished_at": time + took,
                      "outcome": "failed" if failed else "ok",
                      "message": "nginx.service is failed, was running" if failed else ""})
        time += took
        if failed:
            return steps, None
    return steps, time


def run_host(dice: random.Random, name: str, state: str, begin: float) -> Model:
    updates = [_update(index) for index in sorted(dice.sample(range(len(_PACKAGES)), dice.randint(3, 9)))]
    reason, status = _ENDINGS.get(state, ("", "compliant"))
    touched = state in ("succeeded", "failed", "unreachable", "reboot_pending")
    fails_in = {"failed": "gate", "unreachable": "reboot"}.get(state)
    steps, back = _cycle(dice, name, begin, fails_in) if touched else ([], begin)
    left = [] if state in ("succeeded", "up_to_date") else updates
    result = "installed" if touched else "deferred" if state == "deferred" else "pending"
    return {
        "name": name, "state": state, "reason": reason, "compliance": {"status": status, "reasons": [reason] if reason else []},
        "assessment": assessment(dice, left, NOW - begin, state == "reboot_pending"),
        "packages": [] if state == "up_to_date" else _outcomes(updates, result),
        "out_of_service": [{"from": steps[0]["started_at"], "to": back}] if touched else [],
        "reboot": {"done": state == "succeeded", "seconds": 8.4 if state == "succeeded" else None},
        "steps": steps,
        "log": "Setting up nginx (1.22.1-9+deb12u2) ...\nJob for nginx.service failed.\n" * 20 if state == "failed" else "",
    }


def _summary(hosts: list[Model]) -> Model:
    status = Counter(host["compliance"]["status"] for host in hosts)
    names = ("security", "bugfix", "enhancement", "other", "unknown", "held", "total")
    counts = {name: sum((host["assessment"] or {}).get("counts", {}).get(name, 0) for host in hosts) for name in names}
    return {
        "hosts": len(hosts), "compliant": status["compliant"], "non_compliant": status["non_compliant"], "unknown": status["unknown"],
        "compliance_percent": 100 * status["compliant"] / len(hosts) if hosts else None, "counts": counts,
        "reboot_pending": sum(bool((host["assessment"] or {}).get("reboot", {}).get("required")) for host in hosts),
        "states": dict(Counter(host["state"] for host in hosts if host["state"])),
    }


def run_model(size: int = 12, seed: int = 1, slots: int = 4, troubles: dict[str, int] | None = None) -> Model:
    """A finished run in which hosts went ``slots`` at a time; ``troubles`` says how many ended in which other state."""
    dice = random.Random(seed)
    states = [state for state, count in (troubles or {}).items() for _ in range(count)]
    states += ["succeeded"] * (size - len(states))
    dice.shuffle(states)
    free, hosts = [START + 20.0] * slots, []
    for index, state in enumerate(states):
        slot = free.index(min(free))
        host = run_host(dice, f"web{index + 1:02d}.example.net", state, free[slot])
        back = host["out_of_service"][-1]["to"] if host["out_of_service"] else free[slot] + 1
        free[slot] = float("inf") if back is None else back  # who fails after its drain keeps its slot
        hosts.append(host)
    last = max(step["finished_at"] for host in hosts for step in host["steps"]) if any(host["steps"] for host in hosts) else START
    run = {
        "name": "web-tier@2026-11-03T01:00", "deployment": "web-tier", "state": "failed" if "failed" in states else "succeeded",
        "started_at": START, "finished_at": last + 5, "actor": "mara.lindqvist", "job_id": "48213", "change_id": "CHG0031877",
        "settings": {"patch_max_unavailable": slots, "patch_max_failed": 1, "patch_canaries": 1, "patch_reboot": "if_required",
                     "patch_classifications": ["security", "bugfix"], "patch_soak": 0, "patch_health_settle": 5,
                     "patch_vault_token": "hunter2", "patch_hook_before_drain": "drain.yml"},
    }
    return {"generated_at": last + 8, "kind": "run", "run": run, "summary": _summary(hosts), "hosts": hosts}


def assessment_model(size: int = 12, seed: int = 2) -> Model:
    """Latest assessments: some fresh, some stale, some never; some hosts can't be patched."""
    dice = random.Random(seed)
    hosts = [_assessed_host(dice, index) for index in range(size)]
    return {"generated_at": NOW, "kind": "assessment", "run": None, "summary": _summary(hosts), "hosts": hosts}


def _assessed_host(dice: random.Random, index: int) -> Model:
    kind = dice.choices(("good", "lacking", "stale", "never", "stuck"), (8, 6, 2, 1, 2))[0]
    updates = [_update(i) for i in sorted(dice.sample(range(len(_PACKAGES)), dice.randint(1, 8)))] if kind != "good" else []
    age = dice.uniform(200, 40_000) if kind != "stale" else dice.uniform(9, 30) * 86400
    found = None if kind == "never" else assessment(dice, updates, age, kind == "lacking" and dice.random() < .4)
    security = sum(update["classification"] == "security" for update in updates)
    status, reasons = {
        "good": ("compliant", []), "lacking": ("non_compliant", [f"{security} security updates pending"]),
        "stale": ("unknown", [f"last assessed {age / 86400:.0f} days ago, older than 7 days"]),
        "never": ("unknown", ["never assessed"]), "stuck": ("non_compliant", [f"{len(updates)} updates pending"]),
    }[kind]
    if found and kind == "stuck":
        found["obstacles"] = [dice.choice((
            {"kind": "sudo", "message": "the user deploy may not become root: a password is required"},
            {"kind": "space", "message": "/boot has 12 MiB free and a kernel needs 48 MiB"}))]
    return {"name": f"{dice.choice(('web', 'db', 'app', 'edge'))}{index + 1}.example.net", "state": "", "reason": "",
            "compliance": {"status": status, "reasons": reasons}, "assessment": found, "packages": [], "out_of_service": [],
            "reboot": None, "steps": [], "log": None}


GOLD, OLDER = "4f1c" * 16, "9b07" * 16
NAMES = {GOLD: ["gl-2026.11"], OLDER: ["gl-2026.10"]}
"""Releases: the one that the run brings its hosts to, and the one before it."""


def _drift(name: str, kind: str, has: str | None, should: str | None, source: str = "") -> Model:
    return {"name": name, "arch": "" if kind in ("kernel", "source") else "amd64", "kind": kind, "is": has, "should": should, "source": source}


DRIFTS: tuple[tuple[str | None, list[Model]], ...] = (
    (GOLD, []),
    (GOLD, [_drift("docker-ce", "unknown", "5:27.3.1-1~debian.12~bookworm", None, "Docker:bookworm")]),
    (GOLD, [_drift("shop-legacy-importer", "unknown", "0.9.1", None),
            _drift("docker-ce", "unknown", "5:27.3.1-1~debian.12~bookworm", None, "Docker:bookworm")]),
    (GOLD, [_drift("openssl", "version", "3.0.14-1~deb12u1", "3.0.15-1~deb12u1", "Debian:12.6"),
            _drift("linux-image-6.1.0-25-amd64", "version", None, "6.1.106-3"),
            _drift("running kernel", "kernel", "6.1.0-22-amd64", "6.1.0-25-amd64"),
            _drift("ubuntu-pro-esm.sources", "source", "/etc/apt/sources.list.d/ubuntu-pro-esm.sources", None)]),
    (OLDER, [_drift(f"lib{index:03d}-with-a-long-name", "version", "1:2.36-9+deb12u7", "1:2.36-9+deb12u8") for index in range(140)]),
    (None, []),
)
UPSTREAM_PACKAGES = (("openssl", "security", 5.2), ("nginx", "security", 1.1), ("curl", "security", 2.0), ("tzdata", "bugfix", 9.0),
                     ("libc6", "bugfix", None))


def upstream(days: float = 86400.0) -> Model:
    asked = NOW - 3600
    packages = [{"platform": "debian-12-amd64-apt", "name": name, "arch": "amd64", "release_version": f"{index}.0.15-1~deb12u1",
                 "upstream_version": f"{index}.0.16-1~deb12u2", "classification": kind, "published_at": None if age is None else asked - age * days}
                for index, (name, kind, age) in enumerate(UPSTREAM_PACKAGES)]
    counts = dict(Counter(package["classification"] for package in packages))
    return {"asked_at": asked, "counts": counts, "oldest_age_s": 9.0 * days, "packages": packages}


def released(model: Model) -> Model:
    """The model with its hosts at releases, in turn: exactly, with packages beside it, drifting, at another one, at none."""
    run = model["run"] is not None
    for index, host in enumerate(model["hosts"]):
        digest, rows = DRIFTS[index % len(DRIFTS)]
        document = host["assessment"]
        if document is not None:
            document.update(release=digest, drift=[dict(row) for row in rows])
        found = releases.of_host(document, GOLD if run else None, NAMES, document is not None)
        if found:
            host["release"] = found
        host["compliance"] = compliance.judge(document, (document or {}).get("at"), NOW, 7 * 86400.0, compliance.COUNTED,
                                              host["state"] == "reboot_pending", GOLD if run else None, NAMES)
    model["summary"] = _summary(model["hosts"])
    model["summary"]["releases"] = releases.totals(host["release"] for host in model["hosts"] if "release" in host)
    model["upstream"] = {GOLD: upstream()}
    return model


def hostile_model(text: str) -> Model:
    """A run in which every text that a host or a person can choose is this one."""
    model = released(run_model(4, troubles={"failed": 1, "blocked": 1, "unreachable": 1}))
    for part in (*model["hosts"], *model["summary"]["releases"], model["upstream"][GOLD]):
        _poison(part, text)
    model["upstream"] = {text: model["upstream"][GOLD]}
    for key in ("name", "deployment", "actor", "job_id", "change_id"):
        model["run"][key] = text
    model["run"]["settings"]["patch_include"] = [text]
    return model


_KEPT = frozenset(("state", "status", "classification", "severity", "result", "outcome", "step"))


def _poison(data: Any, text: str) -> None:
    for key, value in list(data.items()) if isinstance(data, dict) else list(enumerate(data)):
        if isinstance(value, str) and key not in _KEPT:
            data[key] = text
        elif isinstance(value, (dict, list)):
            _poison(value, text)


texts = st.one_of(st.sampled_from(HOSTILE), st.text(alphabet=st.characters(), max_size=40),
                  st.text(alphabet="<>&\"'=+-@;,|\t\r\n\x1b\u202e !/script", max_size=20))
"""What a host may send: lone surrogates and control characters are in it."""
