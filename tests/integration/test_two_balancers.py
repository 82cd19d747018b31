# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two load balancers on two machines: servers that are taken out at both or by an upstream file of nginx, and the balancers themselves, between
which keepalived moves an address."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from lab_fleet import ROOT, Fleet, wait_for
from lab_modules import module
from patchlab.traffic import Traffic

# One lab, so one worker, one test after another.
pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.xdist_group("lab")]

NAME = "test-pair"
BALANCERS = ("lb1", "lb2")
BOTH = [{"driver": "haproxy", "place": name, "timeout": 30, "options": {"backend": "web"}} for name in BALANCERS]
TRACKED = "/var/lib/keepalived.maintenance"
PROGRAM = "/usr/local/sbin/keepalived-priority"
NGINX = "/usr/local/sbin/nginx-upstream"
PAGE = (ROOT / "docs" / "drivers.md").read_text()
KEEPALIVED = """vrrp_track_file maintenance { file %s }
vrrp_instance front {
    state BACKUP
    interface host0
    virtual_router_id 51
    priority %d
    virtual_ipaddress { %s/24 }
    track_file { maintenance weight 1 }
}
"""


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    keeper = Fleet(tmp_path_factory.mktemp("keeper"), NAME)
    keeper.lab("up", "--topology", "pair")
    yield
    keeper.lab("down")


@pytest.fixture
def fleet(laboratory: None, tmp_path: Path) -> Fleet:
    found = Fleet(tmp_path / "state", NAME)
    found.lab("upstream", "advanced")
    found.lab("reset")
    for name in BALANCERS:
        wait_for(lambda name=name: all(status.startswith("UP") for status in servers(found, name).values()), "all servers to be up at %s" % name)
    return found


def servers(fleet: Fleet, balancer: str) -> dict[str, str]:
    said = fleet.sh(balancer, "echo 'show stat' | socat - /run/haproxy/admin.sock", check=False).lstrip("# ")
    return {row["svname"]: row["status"] for row in csv.DictReader(io.StringIO(said))
            if row["pxname"] == "web" and row["svname"] not in ("FRONTEND", "BACKEND")} or {"haproxy": "silent"}


def test_a_server_is_taken_out_at_both_and_brought_back_at_the_first_where_the_second_can_not_spare_it(fleet: Fleet) -> None:
    fleet.sh("lb2", "echo 'set server web/web2 state maint' | socat - /run/haproxy/admin.sock")
    one, two = (Traffic("http://%s/" % fleet.address(name)) for name in BALANCERS)
    with one, two:
        blocked = fleet.play(patch_hosts="web1", patch_run_name="first", patch_maintenance=BOTH)
        assert blocked.rc != 0 and blocked.states() == {"web1": "blocked"}, blocked.text[-3000:]
        assert "haproxy at lb2: " in blocked.host("web1")["reason"] and "brought back" in blocked.host("web1")["reason"]
        assert servers(fleet, "lb1")["web1"].startswith("UP") and fleet.version("web1", "patchlab-web") == "1.0"
        fleet.sh("lb2", "echo 'set server web/web2 state ready' | socat - /run/haproxy/admin.sock")
        wait_for(lambda: servers(fleet, "lb2")["web2"].startswith("UP"), "web2 to be up at lb2")
        done = fleet.play(patch_hosts="web1", patch_from_blocked="first", patch_maintenance=BOTH)
    assert done.rc == 0 and done.states() == {"web1": "succeeded"}, done.text[-3000:]
    walked = [(step["step"], step["place"]) for step in done.host("web1")["steps"] if step["step"] in ("enter", "leave")]
    assert walked == [("enter", "lb1"), ("enter", "lb2"), ("leave", "lb2"), ("leave", "lb1")]
    assert (one.result()["failed"], two.result()["failed"]) == (0, 0)
    assert all(status.startswith("UP") for name in BALANCERS for status in servers(fleet, name).values())


def documented(path: str = PROGRAM) -> tuple[str, list[dict[str, Any]]]:
    """The program and the places of the page, as they stand there."""
    blocks = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
    program = next(text for kind, text in blocks if kind == "sh" and "# %s:" % Path(path).name in text)
    return program, yaml.safe_load(next(text for kind, text in blocks if kind == "yaml" and path in text))


@pytest.fixture
def address(fleet: Fleet) -> str:
    """The address that keepalived keeps at lb1, or at lb2 where lb1 does not want it."""
    found = fleet.address("lb1").rpartition(".")[0] + ".201"
    program = documented()[0].replace("192.0.2.10", found).replace("/run/keepalived.maintenance", TRACKED)
    for name, priority in zip(BALANCERS, (150, 120)):
        fleet.sh(name, "cat > %s <<'EOF'\n%sEOF\nchmod 755 %s; echo 0 > %s" % (PROGRAM, program, PROGRAM, TRACKED))
        fleet.sh(name, "cat > /etc/keepalived/keepalived.conf <<'EOF'\n%sEOF\nsystemctl restart keepalived" % (KEEPALIVED % (TRACKED, priority, found)))
    wait_for(lambda: holders(fleet, found) == ["lb1"], "the address to be at lb1")
    return found


def holders(fleet: Fleet, address: str) -> list[str]:
    return [name for name in BALANCERS if fleet.sh(name, "ip -o address show to %s" % address, check=False)]


def test_balancers_are_patched_and_rebooted_while_keepalived_has_the_address_at_the_other(fleet: Fleet, address: str) -> None:
    before = fleet.boots()
    places = [dict(place, timeout=30) for place in documented()[1]]
    with Traffic("http://%s/" % address) as traffic:
        done = fleet.play(patch_hosts="lb", patch_max_unavailable=1, patch_reboot="always", patch_maintenance=places)
        assert done.rc == 0 and done.states() == dict.fromkeys(BALANCERS, "succeeded"), done.text[-3000:]
        wait_for(lambda: holders(fleet, address) == ["lb1"], "the address to be back at lb1")
    assert {name: fleet.boots()[name] - before[name] for name in BALANCERS} == {"lb1": 1, "lb2": 1}
    told = traffic.result()
    # What is under way at the very moment of a move is lost with its connection; a reboot with the address would cost far more.
    assert told["served"] > 100 and told["failed"] <= 2 * 8, told


def test_a_balancer_without_a_living_peer_keeps_its_address(fleet: Fleet, address: str) -> None:
    fleet.sh("lb2", "systemctl stop keepalived")
    place = dict(documented()[1][0], timeout=8)
    given = {"driver": "command", "host": "lb1", "state": "entered", "timeout": 8, "options": place["options"]}
    failed = module(fleet, "lb1", "maintenance_mode", **given)
    assert failed["failed"] and failed["undone"] is True and "not verified within 8 s" in failed["msg"], failed
    assert holders(fleet, address) == ["lb1"] and fleet.sh("lb1", "cat %s" % TRACKED) == "0"


@pytest.fixture
def shop(fleet: Fleet) -> str:
    """The upstream file of a nginx at lb1; both web hosts are in it."""
    text = "upstream shop {\n%s}\n" % "".join("    server %s:8080;\n" % fleet.address(name) for name in ("web1", "web2"))
    site = "include /etc/nginx/upstreams/shop.conf;\nserver { listen 8088; location / { proxy_pass http://shop; } }\n"
    for path, content in ((NGINX, documented(NGINX)[0]), ("/etc/nginx/upstreams/shop.conf", text), ("/etc/nginx/conf.d/shop.conf", site)):
        fleet.sh("lb1", "mkdir -p /etc/nginx/upstreams; cat > %s <<'EOF'\n%sEOF" % (path, content))
    fleet.sh("lb1", "chmod 755 %s; systemctl restart nginx" % NGINX)
    return text


def test_servers_of_an_nginx_are_patched_and_rebooted_and_its_last_one_is_not(fleet: Fleet, shop: str) -> None:
    before = fleet.boots()
    place = dict(documented(NGINX)[1][0], place="lb1", host="{{ ansible_host }}:8080", timeout=30)
    with Traffic("http://%s:8088/" % fleet.address("lb1")) as traffic:
        done = fleet.play(patch_hosts="web1,web2", patch_max_unavailable=1, patch_reboot="always", patch_maintenance=[place])
    assert done.rc == 0 and done.states() == dict.fromkeys(("web1", "web2"), "succeeded"), done.text[-3000:]
    told = traffic.result()
    assert told["served"] > 100 and told["failed"] == 0, told
    assert {name: fleet.boots()[name] - before[name] for name in ("web1", "web2")} == {"web1": 1, "web2": 1}
    assert fleet.sh("lb1", "cat /etc/nginx/upstreams/shop.conf") + "\n" == shop
    given: dict[str, Any] = {"driver": "command", "state": "entered", "timeout": 30, "options": place["options"]}
    one, two = (module(fleet, "lb1", "maintenance_mode", host="%s:8080" % fleet.address(name), **given) for name in ("web1", "web2"))
    assert one["changed"] and two["failed"] and two["error"]["blocked"] and "is the last server in" in two["msg"], two
    assert fleet.sh("lb1", "cat /etc/nginx/upstreams/shop.conf") == shop.replace("8080;", "8080 down;", 1).strip()
