# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing a lab up and down, and back to its first day."""

from __future__ import annotations

import shutil
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, Sequence

from .addresses import bridge_name, choose_ident, choose_subnet
from .errors import LabError
from .hosts import LabHost
from .images import ImageStore
from .inventory import render_inventory
from .network import create_bridge, delete_bridge, networks_in_use
from .paths import LabPaths, cache_home
from .pool import package_pool
from .preflight import allow_watchers, check_machine, Machine
from .processes import alive, end
from .provision import known_hosts, make_host_keys, make_key
from .roles import upstream_url
from .server import start_server
from .state import (
    LabState, forget_processes, load_state, loaded, locked, machine_lock, note_process, register, registered, save_state, unregister)
from .topology import HostSpec, supplied, topology
from .upstream import Upstream, switch

Say = Callable[[str], None]
DEFAULT_LEVEL = "advanced"


def up(paths: LabPaths, wanted: str, say: Say, level: str = DEFAULT_LEVEL) -> LabState:
    """Bring a lab up; hosts that run already are left alone. What an interrupted or failed first ``up`` began is taken down again."""
    fleet = topology(wanted)
    machine = check_machine()
    with locked(paths.lock), locked(cache_home() / "in-use", shared=True):
        known = load_state(paths)
        if known is not None and known.topology != wanted:
            raise LabError(f"lab {paths.name} is up with topology {known.topology}; take it down first, or choose another --name")
        built = None if known else build(machine, fleet, say)
        allow_watchers()
        try:
            state = known or _found(paths, wanted, level, machine, built or Built({}, Path()))
            _raise(paths, state, fleet)
        except BaseException:
            if known is None:
                say(f"lab {paths.name} did not come up: removing what was begun")
                with undisturbed():
                    remove(paths)
            raise
    return state


@dataclass(frozen=True)
class Built:
    """What a lab stands on: the layers of each image, and upstream."""

    layers: dict[str, list[str]]
    upstream: Path


def build(machine: Machine, fleet: Sequence[HostSpec], say: Say) -> Built:
    """Build whatever the cache does not hold yet."""
    pool = package_pool()
    store = ImageStore(machine, pool, say)
    folders = {path.parent for name in supplied(tuple(fleet)) for path in store.layers(name)}
    store.upstream = Upstream(machine, pool, sorted(folders), say).ensure()
    layers = {name: [str(path) for path in store.layers(name)] for name in sorted({spec.image for spec in fleet})}
    return Built(layers, store.upstream)


def show(paths: LabPaths, wanted: str) -> LabState:
    """Let the lab's upstream show a level."""
    with locked(paths.lock):
        state = loaded(paths)
        state.level = wanted
        switch(paths.upstream, Path(state.upstream) / wanted)
        save_state(paths, state)
    return state


def down(paths: LabPaths) -> bool:
    """Take a lab down, whatever state it is in; false when there was nothing."""
    with locked(paths.lock):
        if not paths.root.exists():
            return False
        with undisturbed():
            remove(paths)
    return True


def reset(paths: LabPaths, names: Sequence[str]) -> list[str]:
    """Give hosts an empty disk over their image again; all of the lab when none is named."""
    with locked(paths.lock):
        chosen = select(paths, names)
        each(chosen, _renew if names else _as_brought_up)
    return [host.spec.name for host in chosen]


def start(paths: LabPaths, names: Sequence[str]) -> None:
    """Start hosts on what their disks hold; one that joins later only when it is named."""
    with locked(paths.lock):
        each([host for host in select(paths, names) if names or not host.spec.later], _started)


def stop(paths: LabPaths, names: Sequence[str]) -> None:
    """Pull the plug of hosts."""
    with locked(paths.lock):
        each(select(paths, names), LabHost.stop)


def select(paths: LabPaths, names: Sequence[str]) -> list[LabHost]:
    """The named hosts of a lab that is up, or all."""
    hosts = lab_hosts(paths, loaded(paths))
    unknown = sorted(set(names) - {host.spec.name for host in hosts})
    if unknown:
        raise LabError(f"lab {paths.name} has no host {', '.join(unknown)}; it has: {', '.join(host.spec.name for host in hosts)}")
    return [host for host in hosts if not names or host.spec.name in names]


def lab_hosts(paths: LabPaths, state: LabState) -> list[LabHost]:
    fleet = topology(state.topology)
    return [LabHost(paths, state, fleet, spec) for spec in fleet]


@contextmanager
def undisturbed() -> Iterator[None]:
    """A second Ctrl-C does not stop the clean-up that the first one caused."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def each(hosts: Sequence[LabHost], action: Callable[[LabHost], None]) -> None:
    """Do something to all hosts at once; the first failure is raised when all have ended."""
    with ThreadPoolExecutor(max_workers=max(1, len(hosts))) as pool:
        for future in [pool.submit(action, host) for host in hosts]:
            future.result()


def remove(paths: LabPaths) -> None:
    """End and delete all of a lab, however far it came; the caller holds its lock."""
    state = load_state(paths)
    if state is not None:
        each(lab_hosts(paths, state), LabHost.stop)
        end(state.server)
        delete_bridge(state.bridge)
        forget_processes(state.ident)
        unregister(state.ident)
    shutil.rmtree(paths.root)


def dead(paths: LabPaths) -> bool:
    """Nothing of the lab runs: no host, and not its upstream, which runs on while hosts are stopped on purpose."""
    state = load_state(paths)
    if state is None:
        return paths.root.exists()
    return not alive(state.server) and not any(host.running() for host in lab_hosts(paths, state))


def status(paths: LabPaths) -> dict[str, Any]:
    """A lab as it is at this moment."""
    state = loaded(paths)
    return {
        "name": state.name, "topology": state.topology, "subnet": state.subnet, "bridge": state.bridge, "level": state.level,
        "upstream": f"{upstream_url(state.subnet)}" if alive(state.server) else "down", "inventory": str(paths.inventory),
        "hosts": [host.status() for host in lab_hosts(paths, state)]}


def _found(paths: LabPaths, wanted: str, level: str, machine: Machine, built: Built) -> LabState:
    """Choose addresses and names that nobody on this machine has."""
    with machine_lock():
        others = registered()
        taken = [*networks_in_use(), *(IPv4Network(other["subnet"]) for other in others.values())]
        ident = choose_ident(str(paths.root), others)
        subnet = str(choose_subnet(str(paths.root), taken))
        state = LabState(
            paths.name, wanted, ident, bridge_name(ident), subnet, machine.codename, str(built.upstream), level, built.layers)
        paths.root.mkdir(parents=True, exist_ok=True)
        register(paths, state)
        save_state(paths, state)
    return state


def _raise(paths: LabPaths, state: LabState, fleet: tuple[HostSpec, ...]) -> None:
    register(paths, state)
    create_bridge(state.bridge, state.subnet)
    _make_keys(paths, state, fleet)
    switch(paths.upstream, Path(state.upstream) / state.level)
    state.server = start_server(paths, state)
    note_process(state.ident, "upstream", state.server)
    save_state(paths, state)
    hosts = lab_hosts(paths, state)
    each([host for host in hosts if not host.spec.later], _started)
    paths.inventory.write_text(render_inventory(paths, state.subnet, fleet))
    save_state(paths, state)


def _make_keys(paths: LabPaths, state: LabState, fleet: Iterable[HostSpec]) -> None:
    if not paths.key.exists():
        make_key(paths.key, f"lab {paths.name}")
    for spec in fleet:
        make_host_keys(paths.host(spec.name), spec.name)
    paths.known_hosts.write_text(known_hosts(paths, state.subnet, tuple(fleet)))


def _started(host: LabHost) -> None:
    host.start()
    host.wait_ready()


def _renew(host: LabHost) -> None:
    _blank(host)
    _started(host)


def _as_brought_up(host: LabHost) -> None:
    """A host that joins later is not there yet."""
    if host.spec.later:
        _blank(host)
    else:
        _renew(host)


def _blank(host: LabHost) -> None:
    host.stop()
    host.wipe()
    host.paths.record.unlink(missing_ok=True)
