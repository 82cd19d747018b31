# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every driver where its tool is missing, hangs, or answers nonsense: before anything is touched, and in the middle, on what real tools said."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.clock import Clock
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import CannotMove, CommandTimeout, PatchtrainError, ToolMissing
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance.driver import Context
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance.registry import make
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed, SystemRunner
from libvirt_fake import FakeGuest, Stage
from pacemaker_fake import Recorded
from slurm_fake import Cluster

DATA = Path(__file__).parent / "data"
NONSENSE = ("", "\n\n", "\x1b[31mPlease log in\n", "<html><body>502</body></html>", "-1 KiB\n", "null", "\x00" * 9, "Segmentation fault\n" * 3)


def _said(name: str) -> str:
    return (DATA / name).read_text(encoding="utf-8")


class Command:
    """The user's own programs, which do what they are told."""

    def run(self, argv: Sequence[str], limit: float = 0, **_more: Any) -> Completed:
        return Completed(tuple(argv), 0, "in_service\n" if argv[0] == "prior" else "", "")


def counted() -> Recorded:
    """A cluster whose votes corosync counts."""
    cluster = Recorded("whole", on=["moving", "standby"], off=["whole"])
    cluster.votes = Completed(("corosync-quorumtool",), 0, _said("pacemaker-2.1.5/votes/two-node.txt"), "")
    return cluster


RUNNERS: Dict[str, Tuple[Callable[[], Any], str, Dict[str, Any]]] = {
    "command": (Command, "web1", {name: [name] for name in ("prior", "enter", "verify", "leave")}),
    "libvirt": (lambda: Stage(FakeGuest("g1", 1)), "hv1", {"peers": ["qemu+ssh://hv2/system"]}),
    "pacemaker": (counted, "ha1", {}),
    "slurm": (Cluster, "node1", {"poll": 1}),
}
Answer = Optional[Completed]


class Faulty:
    """A runner of which the n-th call and all after it come to no good."""

    def __init__(self, runner: Any, fault: Callable[[Sequence[str]], Answer], since: int) -> None:
        self._runner, self._fault, self._since = runner, fault, since
        self.asked: List[Sequence[str]] = []
        self.now = 0.0

    def run(self, argv: Sequence[str], limit: float = 0, **more: Any) -> Completed:
        self.asked.append(argv)
        self.now += 0.1
        answer = self._fault(argv) if len(self.asked) >= self._since else None
        return answer if answer is not None else self._runner.run(argv, limit=limit, **more)

    def which(self, tool: str) -> str:
        return tool

    def clock(self) -> Clock:
        return Clock(now=lambda: self.now, sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.now += seconds


def missing(argv: Sequence[str]) -> Answer:
    raise ToolMissing("%s can't be run: No such file or directory" % argv[0], tool=argv[0])


def hanging(argv: Sequence[str]) -> Answer:
    raise CommandTimeout("%s did not end within 30 s" % argv[0], list(argv))


def refusing(argv: Sequence[str]) -> Answer:
    return Completed(tuple(argv), 127, "", "\x1b[31merror:\nof many lines\n")


def answering(text: str) -> Callable[[Sequence[str]], Answer]:
    return lambda argv: Completed(tuple(argv), 0, text, "")


def fails(driver: str, fault: Callable[[Sequence[str]], Answer], since: int) -> Tuple[PatchtrainError, Faulty]:
    build, host, options = RUNNERS[driver]
    runner = Faulty(build(), fault, since)
    with pytest.raises(PatchtrainError) as caught:
        make(driver, host, options, Context(runner, runner.clock())).enter(30)
    assert len(caught.value.message.splitlines()) == 1 and "\x1b" not in caught.value.message and "\x00" not in caught.value.message
    return caught.value, runner


def one_way(driver: str) -> int:
    """How many calls a drain takes where all is well."""
    build, host, options = RUNNERS[driver]
    runner = Faulty(build(), missing, 10000)
    assert make(driver, host, options, Context(runner, runner.clock())).enter(30).changed
    return len(runner.asked)


@pytest.mark.parametrize("driver", sorted(RUNNERS))
@pytest.mark.parametrize("fault", [missing, hanging, refusing])
def test_a_tool_that_is_of_no_use_from_the_beginning(driver: str, fault: Callable[[Sequence[str]], Answer]) -> None:
    error, runner = fails(driver, fault, 1)
    assert runner.asked[0][0] in error.message and not isinstance(error, CannotMove), "a tool's fault is no host's lack of a peer"
    assert error.data.get("undone") is None, "nothing was begun"


@pytest.mark.parametrize("driver", sorted(set(RUNNERS) - {"command"}))
@pytest.mark.parametrize("text", NONSENSE)
def test_nonsense_from_the_beginning(driver: str, text: str) -> None:
    error, runner = fails(driver, answering(text), 1)
    assert not isinstance(error, CannotMove) and error.data.get("undone") is None


@pytest.mark.parametrize("driver", sorted(RUNNERS))
@pytest.mark.parametrize("fault", [missing, hanging, refusing])
def test_a_tool_that_fails_in_the_middle_is_never_taken_for_success(driver: str, fault: Callable[[Sequence[str]], Answer]) -> None:
    """Wherever it begins to fail: the drain fails, and where something may have been begun and can't be undone, that is said."""
    for since in range(2, one_way(driver) + 1):
        error, _runner = fails(driver, fault, since)
        assert error.data.get("undone") is not True, "with the tool gone nothing can have been undone (call %d)" % since
        if error.data.get("undone") is False:
            assert "UNDOING IT FAILED TOO" in error.message and not isinstance(error, CannotMove)


@contextmanager
def balancer(folder: Path, answer: bytes) -> Iterator[str]:
    """Something that is no HAProxy behind a socket."""
    path = str(folder / "admin.sock")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        thread = threading.Thread(target=_serve, args=(listening, answer), daemon=True)
        thread.start()
        yield path
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def _serve(listening: socket.socket, answer: bytes) -> None:
    while True:
        try:
            one, _ = listening.accept()
        except OSError:
            return
        with one:
            one.recv(4096)
            one.sendall(answer)


def of_haproxy(path: str) -> PatchtrainError:
    with pytest.raises(PatchtrainError) as caught:
        make("haproxy", "web1", {"socket": path}, Context(SystemRunner())).enter(5)
    assert len(caught.value.message.splitlines()) == 1 and "\x1b" not in caught.value.message
    assert not isinstance(caught.value, CannotMove) and caught.value.data.get("undone") is None
    return caught.value


@pytest.mark.parametrize("text", [*NONSENSE, _said("haproxy-2.6/show-stat.csv")[:300], "# pxname,svname\n1,2\n"])
def test_a_socket_behind_which_is_no_haproxy(tmp_path: Path, text: str) -> None:
    with balancer(tmp_path, text.encode()) as path:
        of_haproxy(path)


def test_a_socket_that_is_missing_or_nobody_listens_at(tmp_path: Path) -> None:
    path = str(tmp_path / "none.sock")
    assert path in of_haproxy(path).message
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(path)
    assert path in of_haproxy(path).message
