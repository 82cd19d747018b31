# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs/drivers.md and docs/writing-drivers.md show is run as it stands there: the example driver, and the three programs of the command driver."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from ansible_collections.fleetops.patchtrain.plugins.module_utils.clock import Clock
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput, CannotMove, MaintenanceFailed
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance import registry
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance.driver import Context
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import SystemRunner
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance import asked

DOCS = Path(__file__).parents[3] / "docs"
PAGE = "".join((DOCS / name).read_text() for name in ("drivers.md", "writing-drivers.md"))
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
PROGRAMS = {match[1]: text for kind, text in BLOCKS if kind == "sh" for match in [re.match(r"#!/bin/sh\n# ([a-z-]+): ", text)] if match}


# --- the example driver


@pytest.fixture
def flag(monkeypatch, tmp_path):
    """The driver of the page, in the registry; ``make`` it as the module does."""
    text = next(text for kind, text in BLOCKS if kind == "python")
    name = registry.__name__.rpartition(".")[0] + ".flag"
    module = ModuleType(name)
    module.__package__ = registry.__name__.rpartition(".")[0]
    monkeypatch.setitem(sys.modules, name, module)
    exec(compile(text, "docs/writing-drivers.md", "exec"), module.__dict__)
    monkeypatch.setitem(registry.DRIVERS, "flag", lambda: module.KIND)

    def make(check=False, act=lambda: None, **options):
        passed = [0.0]

        def sleep(seconds):
            passed[0] += seconds
            act()

        context = Context(SystemRunner(), Clock(lambda: passed[0], sleep), check)
        return registry.make("flag", "web1", dict({"directory": str(tmp_path)}, **options), context)

    return make


def test_the_example_enters_and_leaves(flag, tmp_path):
    (tmp_path / "web1.busy").touch()
    result = flag(act=lambda: (tmp_path / "web1.busy").unlink()).enter(10)
    assert (result.changed, result.prior_state) == (True, "in_service") and (tmp_path / "web1.off").exists()
    flag().verify("entered")
    again = flag().enter(10)
    assert (again.changed, again.prior_state) == (False, "maintenance") and not flag().leave("maintenance", 10).changed
    assert flag().leave("in_service", 10).changed and not flag().leave("in_service", 10).changed
    flag().verify("left")


def test_the_example_undoes_what_does_not_end(flag, tmp_path):
    (tmp_path / "web1.busy").touch()
    with pytest.raises(MaintenanceFailed, match="still has work after 3 s; undone: the flag is gone again") as caught:
        flag().enter(3)
    assert caught.value.data["undone"] is True and not (tmp_path / "web1.off").exists()


def test_the_example_blocks_and_keeps_to_check_mode(flag, tmp_path):
    assert flag(check=True).enter(3).detail["would"] == ["touch %s/web1.off" % tmp_path] and not list(tmp_path.iterdir())
    with pytest.raises(MaintenanceFailed, match="check mode refused"):
        flag(check=True)._set("entered")
    (tmp_path / "web1.only").touch()
    with pytest.raises(CannotMove, match="nobody else does"):
        flag().enter(3)
    with pytest.raises(BadInput, match="driver flag has no option 'dir'; it has: directory, poll"):
        flag(dir="x")


def test_the_module_runs_the_example_without_any_other_change(flag, tmp_path):
    given = {"driver": "flag", "state": "entered", "host": "web1", "timeout": 5.0, "options": {"directory": str(tmp_path)}, "prior_state": "in_service"}
    assert asked.work(given, False).changed
    assert asked.work(dict(given, state="left"), False).state == "left"


# --- the programs of the command driver


class Bench:
    """One program of the page in a folder, with stand-ins for the tools that it calls; ``said`` is what they were asked."""

    def __init__(self, folder, monkeypatch, name, host="web1", **environment):
        self.folder = folder
        self.said = folder / "said"
        self.program = self.tool(name, PROGRAMS[name].partition("\n")[2])
        self.host = host
        monkeypatch.setenv("PATH", "%s:/usr/sbin:/usr/bin:/sbin:/bin" % folder)
        for key, value in environment.items():
            monkeypatch.setenv(key, str(value))
        known = next(place for kind, text in BLOCKS if kind == "yaml" for place in _places(text) if name in str(place["options"]["enter"]))
        self.options = {key: [str(self.program)] + words[1:] if isinstance(words, list) and name in words[0] else words
                        for key, words in known["options"].items()}

    def tool(self, name, text):
        path = self.folder / name
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        return path

    def driver(self):
        passed = [0.0]

        def sleep(seconds):
            passed[0] += seconds

        return registry.make("command", self.host, self.options, Context(SystemRunner(), Clock(lambda: passed[0], sleep)))


def _places(text):
    found = yaml.safe_load(text)
    found = found.get("patch_maintenance", []) if isinstance(found, dict) else found
    return [place for place in found or [] if isinstance(place, dict) and place.get("driver") == "command"]


UPSTREAM = "upstream shop {\n    server 192.0.2.1:80 weight=5;\n    server 192.0.2.1:8080;\n    server 192.0.2.12:80 down;\n}\n"


@pytest.fixture
def nginx(tmp_path, monkeypatch):
    found = Bench(tmp_path, monkeypatch, "nginx-upstream", "192.0.2.1:80", UPSTREAM_FILE=tmp_path / "shop.conf", SAID=tmp_path / "said")
    found.file = tmp_path / "shop.conf"
    found.file.write_text(UPSTREAM)
    found.tool("nginx", 'echo "nginx $*" >> $SAID\n[ ! -e $SAID.refuses ] || [ "$1" != -t ]\n')
    found.tool("ss", "cat $SAID.sessions 2>/dev/null || true\n")
    return found


def test_nginx_marks_one_server_and_no_other(nginx):
    assert nginx.driver().enter(10).prior_state == "in_service"
    assert nginx.file.read_text() == UPSTREAM.replace("weight=5;", "weight=5 down;")
    assert nginx.said.read_text() == "nginx -t -q\nnginx -s reload\n"
    assert nginx.driver().enter(10).prior_state == "maintenance"
    assert nginx.driver().leave("in_service", 10).changed and nginx.file.read_text() == UPSTREAM


def test_nginx_keeps_its_last_server(nginx):
    nginx.file.write_text("upstream shop {\n    server 192.0.2.1:80;\n    server 192.0.2.12:80 down;\n}\n")
    before = nginx.file.read_text()
    with pytest.raises(CannotMove, match="192.0.2.1:80 is the last server"):
        nginx.driver().enter(10)
    assert nginx.file.read_text() == before


def test_nginx_that_refuses_its_configuration_keeps_the_old_one(nginx):
    (nginx.folder / "said.refuses").touch()
    with pytest.raises(MaintenanceFailed, match="the enter command"):
        nginx.driver().enter(10)
    assert nginx.file.read_text() == UPSTREAM and "reload" not in nginx.said.read_text()


def test_nginx_waits_for_connections_and_gives_the_server_back_where_they_do_not_end(nginx):
    (nginx.folder / "said.sessions").write_text("ESTAB 0 0\n")
    with pytest.raises(MaintenanceFailed, match="not verified within 10 s.*undone"):
        nginx.driver().enter(10)
    assert nginx.file.read_text() == UPSTREAM


def test_keepalived_gives_the_address_away(tmp_path, monkeypatch):
    bench = Bench(tmp_path, monkeypatch, "keepalived-priority", TRACK_FILE=tmp_path / "track", HERE=tmp_path / "here")
    bench.tool("ip", "cat $HERE 2>/dev/null || true\n")
    (tmp_path / "here").write_text("2: eth0 inet 192.0.2.10/32\n")
    with pytest.raises(MaintenanceFailed, match="not verified within 10 s"):
        bench.driver().enter(10)
    assert (tmp_path / "track").read_text() == "0\n", "undone"
    (tmp_path / "here").unlink()
    assert bench.driver().enter(10).changed and (tmp_path / "track").read_text() == "-100\n"
    assert bench.driver().prior() == "lowered"
    assert bench.driver().leave("in_service", 10).changed and (tmp_path / "track").read_text() == "0\n"


SYSTEMCTL = """echo "$*" >> $SAID
case $* in
  "stop --no-block"*) echo ${THEN:-inactive} > $UNIT;;
  "start --no-block"*) echo active > $UNIT;;
  show*) cat $UNIT;;
  *is-active*) [ "$(cat $UNIT)" = active ];;
esac
"""


def test_a_service_is_quiesced(tmp_path, monkeypatch):
    bench = Bench(tmp_path, monkeypatch, "quiesce", SAID=tmp_path / "said", UNIT=tmp_path / "unit")
    bench.tool("systemctl", SYSTEMCTL)
    (tmp_path / "unit").write_text("active\n")
    assert bench.driver().enter(10).prior_state == "in_service" and bench.driver().prior() == "inactive"
    assert bench.driver().leave("in_service", 10).changed and (tmp_path / "unit").read_text() == "active\n"
    said = bench.said.read_text().splitlines()
    assert "disable --quiet worker.service" in said and said.index("enable --quiet worker.service") > said.index("stop --no-block worker.service")
    monkeypatch.setenv("THEN", "deactivating")
    with pytest.raises(MaintenanceFailed, match="not verified within 10 s.*undone: leave was run"):
        bench.driver().enter(10)
    assert (tmp_path / "unit").read_text() == "active\n"


def test_every_program_of_the_page_is_tried():
    assert sorted(PROGRAMS) == ["keepalived-priority", "nginx-upstream", "quiesce"]
