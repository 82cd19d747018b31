# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab on which a roll is measured: fresh hosts with updates that take their time, and the same roll done in three ways."""

from __future__ import annotations

import http.client
import json
import os
import re
import resource
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from . import mirror, roll
from .timing import Wrong

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(__file__).resolve().parent / "data"
LAB = ROOT / "tests" / "lab" / "lab"
NAME, TOPOLOGY = "bench", "bench"
MOST = 12
_SLOW, _REBOOT = (2, 5, 10), (1, 4, 7, 9)
LEDGER = Path("state/patchtrain/ledger.db")
_LIMIT = 900.0
_UPGRADE = "DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold dist-upgrade"
_HEALTH = "http://127.0.0.1:8080/health"


@dataclass(frozen=True)
class Workload:
    """``hosts`` of which some have a slow update, and some want a reboot; they are spread, so that no order is anybody's favourite."""

    hosts: int = 8
    slow: int = 12
    quick: int = 3
    limit: int = 2
    settle: float = 0.0
    debian: bool = False
    """Debian's security updates too: more than a dozen packages, which a busy disk takes long for."""
    pace: float = 0.0
    """Million bytes a second with which each host can fetch a large update; 0: there is none, and all is fetched before."""
    bulk: int = 30
    """Million bytes of that update."""
    poll: float = 0.0
    """Seconds that both playbooks' main processes sleep between two looks at their hosts; 0: what Ansible does by itself."""

    @property
    def names(self) -> list[str]:
        return ["web%d" % number for number in range(1, self.hosts + 1)]

    def seconds(self, name: str) -> int:
        return self.slow if _number(name) in _SLOW else self.quick

    def reboots(self, name: str) -> bool:
        return _number(name) in _REBOOT


def _number(name: str) -> int:
    return int(name.removeprefix("web"))


class Bench:
    """The lab, as it is before each way of patching it."""

    def __init__(self, work: Workload, top: Path) -> None:
        self.work = work
        self.top = top
        self.addresses: dict[str, str] = {}
        self.inventory = Path(os.environ.get("LAB_HOME", ROOT / ".lab")) / NAME / "inventory.yml"
        self.ssh: list[str] = []
        self._fetched = True

    def lab(self, command: str, *words: str) -> None:
        done = subprocess.run([str(LAB), command, "--name", NAME, *words], capture_output=True, text=True, check=False, timeout=_LIMIT)
        if done.returncode:
            raise Wrong("lab %s: %s" % (command, done.stderr or done.stdout))

    def up(self) -> None:
        self.lab("up", "--topology", TOPOLOGY)
        known = yaml.safe_load(self.inventory.read_text())["all"]
        self.addresses = {name: one["ansible_host"] for name, one in known["hosts"].items()}
        self.ssh = ["ssh", *shlex.split(known["vars"]["ansible_ssh_common_args"]), "-q", "-i", known["vars"]["ansible_ssh_private_key_file"]]
        if self.work.pace:
            mirror.make(self.top / "mirror", self.work.bulk)

    @contextmanager
    def mirrored(self) -> Iterator[None]:
        """With the slow mirror, where the workload has one."""
        if not self.work.pace:
            yield
            return
        with mirror.served(self.top / "mirror", self._gateway, self.work.pace):
            yield

    @property
    def _gateway(self) -> str:
        return self.addresses["lb1"].rpartition(".")[0] + ".1"

    def down(self) -> None:
        self.lab("down")

    def fresh(self, fetched: bool = True) -> None:
        """As on the first day, with the updates of the workload, all of them ``fetched`` already or none."""
        self.lab("reset")
        self._fetched = fetched
        self.each(self._prepared, len(self.work.names))
        until(lambda: all(self.healthy(name) for name in self.work.names), "all hosts to answer")
        until(self._all_up, "the load balancer to use all hosts")

    def _prepared(self, name: str) -> None:
        self.lab("install", name, "patchlab-slow")
        if not self.work.reboots(name):
            self.sh(name, "dpkg --purge patchlab-kernelish")
        if not self.work.debian:
            self.sh(name, "sed -i '/[/]debian-security$/a Enabled: no' /etc/apt/sources.list.d/patchlab.sources")
        if self.work.pace:
            self.send(name, self.top / "mirror" / "old.deb", "/root/old.deb")
            self.sh(name, "dpkg -i /root/old.deb && echo '%s' > /etc/apt/sources.list.d/bulk.list" % mirror.source(self._gateway))
        fetch = "%s --download-only" % _UPGRADE if self._fetched else "true"
        self.sh(name, "echo %d > /etc/patchlab-slow.seconds && apt-get -q update && %s" % (self.work.seconds(name), fetch))

    def _all_up(self) -> bool:
        said = self.sh("lb1", "echo 'show stat' | socat stdio /run/haproxy/admin.sock")
        return all(re.search(r"^web,%s,.*,UP," % name, said, re.MULTILINE) for name in self.work.names)

    def each(self, what: Callable[[str], None], lanes: int) -> None:
        with ThreadPoolExecutor(max_workers=lanes) as pool:
            list(pool.map(what, self.work.names))

    def sh(self, name: str, script: str, check: bool = True) -> str:
        done = subprocess.run([*self.ssh, "root@" + self.addresses[name], script], capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=_LIMIT)
        if check and done.returncode:
            raise Wrong("%s on %s: %s" % (script, name, (done.stderr or done.stdout)[-1000:]))
        return done.stdout

    def send(self, name: str, file: Path, path: str) -> None:
        with file.open("rb") as content:
            done = subprocess.run([*self.ssh, "root@" + self.addresses[name], "cat > " + path], stdin=content, capture_output=True, text=True, check=False,
                                  timeout=_LIMIT)
        if done.returncode:
            raise Wrong("%s to %s: %s" % (file, name, done.stderr))

    def healthy(self, name: str) -> bool:
        connection = http.client.HTTPConnection(self.addresses[name], 8080, timeout=0.5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    # --- nothing but the work ---------------------------------------------------------------------------------------------

    def raw(self) -> roll.Raw:
        """The package manager and the reboot alone, by ssh, in as many lanes as the limit gives."""
        install: dict[str, float] = {}
        reboot: dict[str, float] = {}

        def one(name: str) -> None:
            install[name] = timed(lambda: self.sh(name, _UPGRADE))
            if self.sh(name, "test ! -e /run/reboot-required || echo yes").strip():
                reboot[name] = timed(lambda: self._rebooted(name))

        took = timed(lambda: self.each(one, self.work.limit))
        return roll.Raw(install, reboot, took)

    def _rebooted(self, name: str) -> None:
        self.sh(name, "systemctl reboot", check=False)
        until(lambda: not self.healthy(name), "%s to go down" % name)
        until(lambda: self.healthy(name), "%s to come back" % name)

    # --- a playbook, seen from outside --------------------------------------------------------------------------------------

    def idiom(self) -> roll.Rolled:
        words = {"bench_hosts": ",".join(self.work.names), "bench_limit": self.work.limit}
        return self._rolled("idiom", str(DATA / "idiom.yml"), words)

    def train(self, name: str = "train") -> roll.Rolled:
        # Drained and no more, as the usual playbook does it.
        words = {
            "patch_deployment": "bench", "patch_run_name": name, "patch_hosts": ",".join(self.work.names), "patch_max_unavailable": self.work.limit,
            "patch_health_settle": self.work.settle, "patch_health_checks": [{"name": "answers", "url": _HEALTH}],
            "patch_maintenance": [{"driver": "haproxy", "place": "lb1", "options": {"backend": "web", "then_maint": False}}]}
        return self._rolled(name, "fleetops.patchtrain.patch", words)

    def again(self) -> roll.Rolled:
        """The train once more, on hosts as on their first day, by a ledger that knows how long they took."""
        known, here = (self.top / name / LEDGER for name in ("train", "again"))
        here.parent.mkdir(parents=True)
        with closing(sqlite3.connect(known)) as before, closing(sqlite3.connect(here)) as now:
            before.backup(now)
        here.chmod(0o600)
        here.parent.chmod(0o700)
        return self.train("again")

    def _rolled(self, name: str, playbook: str, words: dict[str, Any]) -> roll.Rolled:
        home = self.top / name
        home.mkdir(exist_ok=True)
        (home / "words.yml").write_text(yaml.safe_dump(words))
        (home / "ssh.log").touch()
        if self.work.poll:
            (home / "ansible.cfg").write_text("[defaults]\ninternal_poll_interval = %g\n" % self.work.poll)
        with self._watcher("traffic", home), self._watcher("watch", home, "--interval", "0.1"):
            began, total, cpu = self._played(playbook, home)
            until(self._all_up, "the load balancer to use all hosts")
            time.sleep(0.5)
        return self._seen(home, began, total, cpu)

    def _played(self, playbook: str, home: Path) -> tuple[float, float, float]:
        """When it began, how long it took, and the CPU of the controller's processes."""
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(self.inventory), playbook, "-e", "@%s" % (home / "words.yml")]
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        began, clock = time.time(), time.perf_counter()
        with (home / "out.txt").open("w") as out:
            rc = subprocess.run(command, env=_environment(home), cwd=home, check=False, stdin=subprocess.DEVNULL, stdout=out,
                                stderr=subprocess.STDOUT, timeout=_LIMIT).returncode
        total, now = time.perf_counter() - clock, resource.getrusage(resource.RUSAGE_CHILDREN)
        if rc:
            raise Wrong("%s ended with %d:\n%s" % (playbook, rc, (home / "out.txt").read_text()[-3000:]))
        return began, total, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime

    @contextmanager
    def _watcher(self, what: str, home: Path, *words: str) -> Iterator[None]:
        """A process of its own, so that its CPU is not the controller's."""
        with subprocess.Popen([str(LAB), what, "--name", NAME, "--out", str(home / (what + ".json")), *words], start_new_session=True) as process:
            try:
                time.sleep(1.0)
                yield
            finally:
                process.send_signal(signal.SIGTERM)
                _ended(process, what)

    def _seen(self, home: Path, began: float, total: float, cpu: float) -> roll.Rolled:
        names = self.work.names
        watched, traffic = (json.loads((home / name).read_text()) for name in ("watch.json", "traffic.json"))
        if not roll.returned(watched, names):
            raise Wrong("%s: not every host was seen out of service and back" % home.name)
        self._updated(home.name)
        away = roll.absences(watched, names)
        first, last = min(one for one, _ in away), max(end for _, end in away)
        log = roll.calls((home / "ssh.log").read_text())
        counted = roll.executions(log)
        rebooted = [name for name in names if self.work.reboots(name)]
        reports = sorted(home.glob("state/patchtrain/reports/*/report.json"))
        model = json.loads(reports[-1].read_text()) if reports else {"hosts": []}
        return roll.Rolled(
            total, first - began, last - first, sum(end - one for one, end in away), watched["most_out"], cpu,
            roll.mean_calls(counted, self.addresses, names, names), roll.mean_calls(counted, self.addresses, names, rebooted),
            traffic["served"], traffic["failed"], roll.parts(model), roll.cycles(model, log, self.addresses),
            _slots(home / LEDGER))

    def _updated(self, what: str) -> None:
        """A roll that did not do its work has no time."""
        for name in self.work.names:
            left = self.sh(name, "apt-get -q --simulate dist-upgrade | grep ^Inst || true; ls /run/reboot-required 2>&1 | grep -v cannot || true").strip()
            if left:
                raise Wrong("%s left this on %s: %s" % (what, name, left))


def _slots(ledger: Path) -> float:
    """Seconds from the first slot that was given to the last that was returned."""
    if not ledger.exists():
        return 0.0
    with closing(sqlite3.connect("file:%s?mode=ro" % ledger, uri=True)) as opened:
        first, last = opened.execute("SELECT min(taken_at), max(returned_at) FROM slots WHERE run_id = (SELECT max(id) FROM runs)").fetchone()
    return float(last - first)


def _ended(process: subprocess.Popen[bytes], what: str) -> None:
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        raise Wrong("the process that does %s did not end when it was told to" % what) from None


def _environment(home: Path) -> dict[str, str]:
    return dict(os.environ, ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".cache" / "collections"), ANSIBLE_HOME=str(home / "ansible"),
                XDG_STATE_HOME=str(home / "state"), ANSIBLE_FORKS="20", ANSIBLE_PIPELINING="1", ANSIBLE_NOCOLOR="1", ANSIBLE_NOCOWS="1",
                ANSIBLE_SSH_EXECUTABLE=str(DATA / "counting-ssh"), BENCH_SSH_LOG=str(home / "ssh.log"))


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def until(condition: Callable[[], bool], what: str, limit: float = 120.0) -> None:
    ends = time.monotonic() + limit
    while not condition():
        if time.monotonic() > ends:
            raise Wrong("waited %g s in vain for %s" % (limit, what))
        time.sleep(0.05)


def measure(bench: Bench, say: Callable[[str], None]) -> tuple[roll.Raw, dict[str, roll.Rolled]]:
    """Each way on hosts as on their first day."""
    found: dict[str, roll.Rolled] = {}
    say("the work alone")
    bench.fresh()
    first = bench.raw()
    ways: Sequence[tuple[str, Callable[[], roll.Rolled]]] = (("idiom", bench.idiom), ("train", bench.train), ("again", bench.again))
    for name, way in ways:
        say("the %s" % name)
        bench.fresh(fetched=not bench.work.pace)
        found[name] = way()
    say("the work alone, once more")
    bench.fresh()
    return roll.best(first, bench.raw()), found
