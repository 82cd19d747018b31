# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are taken out at several places, and hosts that can't be: real load balancers, seen from outside."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from lab_fleet import ROOT, Fleet
from lab_modules import module
from patchlab.traffic import Traffic

pytestmark = [pytest.mark.lab]

NAME = "test-drains"
WEB = ("web1", "web2")
SECOND = "/run/haproxy/second.sock"
AGENT = """#!/bin/sh
set -eu
out=/run/agent.$PATCHTRAIN_HOST
echo "$1" >> "$out.asked"
case $1 in
  state) if [ -e "$out" ]; then echo maintenance; else echo in_service; fi;;
  disable) if [ -e "$out.pinned" ]; then echo "a build that never ends"; exit 75; fi; touch "$out";;
  idle) test -e "$out";;
  enable) rm -f "$out";;
esac
"""


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    keeper = Fleet(tmp_path_factory.mktemp("keeper"), NAME)
    keeper.lab("up", "--topology", "mini")
    yield
    keeper.lab("down")


@pytest.fixture
def fleet(laboratory: None, tmp_path: Path) -> Fleet:
    found = Fleet(tmp_path / "state", NAME)
    found.lab("upstream", "advanced")
    found.lab("reset")
    found.all_up()
    return found


def places(**options: Any) -> list[dict[str, Any]]:
    """Two load balancers, the second with servers of other names, and an agent with its own commands."""
    agent = {name: ["/usr/local/bin/agent", word] for name, word in (("prior", "state"), ("enter", "disable"), ("verify", "idle"), ("leave", "enable"))}
    second = {"socket": SECOND, "server": "srv-{{ inventory_hostname }}", "backend": ["shop", "api"]}
    return [{"driver": "haproxy", "place": "lb1", "timeout": 30, "options": {"backend": "web", **options}},
            {"driver": "haproxy", "place": "lb1", "timeout": 30, "options": second},
            {"driver": "command", "place": "lb1", "timeout": 30, "options": dict(agent, blocked_rc=75, poll=0.2)}]


def second_balancer(fleet: Fleet) -> dict[str, str]:
    said = fleet.sh("lb1", "echo 'show stat' | socat - %s" % SECOND).lstrip("# ")
    return {"%s/%s" % (row["pxname"], row["svname"]): row["status"] for row in csv.DictReader(io.StringIO(said)) if row["svname"].startswith("srv-")}


@pytest.fixture
def balancers(fleet: Fleet) -> Iterator[Fleet]:
    """A second HAProxy beside the lab's own, and the agent's program."""
    servers = "".join("    server srv-%s %s:8080 check inter 200ms fall 2 rise 2\n" % (host, fleet.address(host)) for host in WEB)
    listens = "".join("listen %s\n    bind 127.0.0.1:%d\n%s" % (name, port, servers) for name, port in (("shop", 8181), ("api", 8182)))
    config = ("global\n    stats socket %s level admin\n    pidfile /run/second.pid\ndefaults\n    mode http\n    timeout connect 1s\n    timeout client 9s\n"
              "    timeout server 9s\n%s" % (SECOND, listens))
    fleet.sh("lb1", "cat > /run/second.cfg <<'EOF'\n%sEOF\nhaproxy -D -f /run/second.cfg; rm -f /run/agent.*" % config)
    fleet.sh("lb1", "cat > /usr/local/bin/agent <<'EOF'\n%sEOF\nchmod 755 /usr/local/bin/agent" % AGENT)
    yield fleet
    fleet.sh("lb1", "kill $(cat /run/second.pid)")


def steps(done: Any, host: str) -> list[tuple[str, str]]:
    return [(step["step"], step["outcome"]) for step in done.host(host)["steps"] if step["step"] in ("enter", "leave")]


def test_three_places_are_entered_in_order_undone_when_one_says_no_and_left_in_reverse(balancers: Fleet) -> None:
    fleet = balancers
    fleet.sh("lb1", "touch /run/agent.web1.pinned")
    blocked = fleet.play(patch_hosts="web1", patch_run_name="first", patch_maintenance=places())
    assert blocked.rc != 0 and blocked.states() == {"web1": "blocked"}, blocked.text[-3000:]
    assert "a build that never ends" in blocked.host("web1")["reason"] and "brought back" in blocked.host("web1")["reason"]
    assert steps(blocked, "web1") == [("enter", "ok"), ("enter", "ok"), ("enter", "failed"), ("leave", "ok"), ("leave", "ok")]
    assert fleet.version("web1", "patchlab-web") == "1.0"
    assert fleet.balancer()["web1"].startswith("UP") and all(status.startswith("UP") for status in second_balancer(fleet).values())
    fleet.sh("lb1", "rm /run/agent.web1.pinned")
    with Traffic("http://%s/" % fleet.address("lb1")) as traffic:
        done = fleet.play(patch_hosts="web1,web2", patch_from_blocked="first", patch_maintenance=places())
    assert done.rc == 0 and done.states() == {"web1": "succeeded"}, done.text[-3000:]
    assert steps(done, "web1") == [("enter", "ok")] * 3 + [("leave", "ok")] * 3
    names = [(step["step"], step["place"]) for step in done.host("web1")["steps"] if step["step"] in ("enter", "leave")]
    assert [place for _step, place in names] == ["lb1"] * 6 and traffic.result()["failed"] == 0
    assert fleet.sh("lb1", "cat /run/agent.web1.asked").split()[-1] == "enable"
    assert fleet.balancer()["web1"].startswith("UP") and all(status.startswith("UP") for status in second_balancer(fleet).values())


@pytest.mark.full
def test_where_only_one_may_go_at_a_time_the_other_is_blocked_and_goes_with_the_next_run(fleet: Fleet) -> None:
    """The budget would let two go; the balancer's own state says that one must stay."""
    one = [{"driver": "haproxy", "place": "lb1", "timeout": 30, "options": {"backend": "web", "min_peers": 1}}]
    with Traffic("http://%s/" % fleet.address("lb1")) as traffic:
        done = fleet.play(patch_hosts="web1,web2", patch_run_name="tight", patch_max_unavailable=2, patch_maintenance=one)
        assert sorted(done.states().values()) == ["blocked", "succeeded"], done.text[-3000:]
        loser = next(host for host, state in done.states().items() if state == "blocked")
        assert "min_peers wants 1" in done.host(loser)["reason"] and fleet.version(loser, "patchlab-web") == "1.0"
        again = fleet.play(patch_hosts="web1,web2", patch_from_blocked="tight", patch_max_unavailable=2, patch_maintenance=one)
    assert again.rc == 0 and again.states() == {loser: "succeeded"}, again.text[-3000:]
    assert traffic.result()["failed"] == 0


@pytest.mark.full
def test_weights_go_down_first_where_asked(fleet: Fleet) -> None:
    options = {"backend": "web", "weight_steps": 4, "weight_seconds": 2}
    fleet.sh("lb1", "echo 'set server web/web1 weight 100' | socat - /run/haproxy/admin.sock")
    entered = module(fleet, "lb1", "maintenance_mode", driver="haproxy", host="web1", state="entered", timeout=30, options=options)
    assert entered["prior_state"] == "in_service:100" and fleet.balancer()["web1"] == "MAINT"
    left = module(fleet, "lb1", "maintenance_mode", driver="haproxy", host="web1", state="left", timeout=30, options=options, prior_state="in_service:100")
    assert left["changed"] and left["detail"]["servers"][0]["weight"] == 100
    fleet.sh("lb1", "echo 'set server web/web1 weight 1' | socat - /run/haproxy/admin.sock")


WORKER = """#!/bin/sh
trap stop=1 TERM
echo begun >> /var/lib/worker.said
while [ -z "$stop" ]; do sleep 0.2; done
sleep 2
echo ended >> /var/lib/worker.said
"""
UNIT = "[Service]\nExecStart=/usr/local/bin/worker\nRestart=on-failure\nTimeoutStopSec=infinity\n[Install]\nWantedBy=multi-user.target\n"


@pytest.mark.full
def test_a_service_is_quiesced_as_the_docs_say_and_no_reboot_starts_it(fleet: Fleet) -> None:
    blocks = re.findall(r"```(\w+)\n(.*?)```", (ROOT / "docs" / "drivers.md").read_text(), re.DOTALL)
    program = next(text for kind, text in blocks if kind == "sh" and "# quiesce:" in text)
    place = yaml.safe_load(next(text for kind, text in blocks if kind == "yaml" and "/usr/local/sbin/quiesce" in text))[0]
    for path, content in (("/usr/local/sbin/quiesce", program), ("/usr/local/bin/worker", WORKER), ("/etc/systemd/system/worker.service", UNIT)):
        fleet.sh("web1", "cat > %s <<'EOF'\n%sEOF\nchmod 755 %s" % (path, content, path))
    fleet.sh("web1", "systemctl enable --now --quiet worker.service")
    given: dict[str, Any] = {"driver": "command", "host": "web1", "timeout": 60, "options": place["options"]}
    entered = module(fleet, "web1", "maintenance_mode", state="entered", **given)
    assert entered["changed"] and entered["prior_state"] == "in_service", entered
    assert fleet.sh("web1", "cat /var/lib/worker.said").split() == ["begun", "ended"], "its work was not cut"
    fleet.lab("stop", "web1")
    fleet.lab("start", "web1")
    assert fleet.sh("web1", "systemctl is-system-running --wait; systemctl is-active worker.service", check=False).endswith("inactive")
    left = module(fleet, "web1", "maintenance_mode", state="left", **given)
    assert left["changed"] and fleet.sh("web1", "systemctl is-active worker.service; systemctl is-enabled worker.service").split() == ["active", "enabled"]
    assert fleet.sh("web1", "cat /var/lib/worker.said").split() == ["begun", "ended", "begun"]
