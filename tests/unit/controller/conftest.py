# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugins over a real ledger, with hosts and places that only answer what a test wrote for them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Dict, Iterator, List, Optional, Sequence

import pytest
import sqlalchemy as sa
from ansible.parsing.dataloader import DataLoader

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.book import HostBook
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import hosts, runs, slots, steps
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.connections import kept
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.engine import Ledger
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.owner import Owner, owner_of
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.settings import Settings

PLACE = {"driver": "command", "place": "lb1", "host": "web1", "timeout": 5.0, "options": {}, "prior_state": "in_service"}


class Place:
    """Stands for ``Remote``: remembers what was asked, and answers or fails as told."""

    def __init__(self, name: str, fails: Optional[Exception] = None, answer: Optional[Dict[str, Any]] = None) -> None:
        self.name = name
        self.takes_input = False
        self.fails = fails
        self.answer = answer or {"changed": True, "prior_state": "in_service"}
        self.stdout = ""
        self.asked: List[Any] = []
        self.args: List[Any] = []

    def module(self, name: str, args: Any, seconds: float, check: Optional[bool] = None) -> Dict[str, Any]:
        self.asked.append((args.get("state"), check))
        self.args.append(args)
        if self.fails:
            raise self.fails
        return dict(self.answer)

    def command(self, argv: Sequence[str], seconds: float) -> Dict[str, Any]:
        self.asked.append(list(argv))
        if self.fails:
            raise self.fails
        return {"rc": 0, "stdout": self.stdout, "stderr": ""}


class Desk:
    """One ledger, and what is done at it."""

    def __init__(self, ledger: Path) -> None:
        self.target = str(ledger)
        self.ledger = Ledger.open(self.target)
        self.places: Dict[str, Place] = {}
        self.warnings: List[str] = []

    place = staticmethod(Place)

    # In a play, tasks are worked on by children of the controller process.
    living = owner_of(os.getppid())
    other = owner_of(os.getpid())
    gone = Owner(living.host, living.pid, living.started + 1, living.boot_id)

    def open(self, name: str = "night", targets: Sequence[str] = ("web1", "web2"), owner: Optional[Owner] = None, **settings: Any) -> Any:
        recorded = dict(Settings.from_variables({}, "-").for_record(), targets=list(targets), set=list(targets), **settings)
        new = runs.NewRun(name, settings.get("patch_deployment", "web"), owner or self.living, [runs.Target(host) for host in targets], settings=recorded)
        with self.ledger.write() as c:
            return runs.open_run(c, new)[0]

    def book(self, run: str = "night", host: str = "web1") -> HostBook:
        return HostBook(self.ledger, run, host)

    def prepare(self, run: str = "night", host: str = "web1", changes: Any = ("a",)) -> None:
        self.book(run, host).prepared({"assessment": {}, "health": {}, "plan": {"changes": list(changes), "digest": "d"}})

    def drained(self, run: str = "night", host: str = "web1", place: str = "lb1") -> HostBook:
        """The host holds a slot and was taken out of service at a place."""
        book = self.book(run, host)
        assert book.take_slot(Settings.from_variables({"patch_max_unavailable": 9}, host), ()).granted
        with book.step("enter", place, undo=dict(PLACE, place=place, host=host)):
            pass
        book.state("drained")
        return book

    def run(self, name: str = "night") -> Any:
        with self.ledger.read() as c:
            return runs.get(c, name)

    def state(self, host: str = "web1", run: str = "night") -> Any:
        with self.ledger.read() as c:
            return hosts.get(c, runs.get(c, run).id, host)

    def slots(self) -> List[Any]:
        with self.ledger.read() as c:
            return [(held.run, held.host) for held in slots.holders(c)]

    def steps(self, run: str = "night", host: str = "web1") -> List[Any]:
        with self.ledger.read() as c:
            return steps.all_of(c, runs.get(c, run).id, host)

    @contextlib.contextmanager
    def listening(self, said: List[str]) -> Iterator[None]:
        """The statements that the ledger is told meanwhile."""
        engine = self.ledger._connections.engine

        def hear(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
            said.append(statement)

        sa.event.listen(engine, "before_cursor_execute", hear)
        yield
        sa.event.remove(engine, "before_cursor_execute", hear)

    def do(self, plugin: Any, host: str = "web1", check: bool = False, variables: Optional[Dict[str, Any]] = None, **args: Any) -> Dict[str, Any]:
        """What the action plugin of a module returns for a host; its error is raised."""
        action = object.__new__(plugin.ActionModule)
        play = SimpleNamespace(strategy="host_pinned", hosts="all", any_errors_fatal=False)
        action._task = SimpleNamespace(args=args, check_mode=check, action="task", get_play=lambda: play, any_errors_fatal=False)
        action._templar = SimpleNamespace(template=lambda value: value)
        action._connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))
        action._display = SimpleNamespace(display=lambda text, **how: None, vv=lambda text: None, warning=self.warnings.append, columns=100)
        action._loader = DataLoader()
        action.variables = dict({"inventory_hostname": host, "hostvars": {}, "playbook_dir": "/", "patch_ledger": self.target,
                                 "ansible_play_hosts_all": ["web1", "web2"], "ansible_play_hosts": ["web1", "web2"]}, **(variables or {}))
        action.reach = lambda name: self.places.setdefault(name, Place(name))
        action.remote = lambda: action.reach(host)
        with kept():
            result: Dict[str, Any] = action.act()
        return result


@pytest.fixture
def desk(empty_ledger: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("XDG_STATE_HOME", str(empty_ledger.parent / "state"))
    return Desk(empty_ledger)

