# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs and files of this very machine, with all that can go wrong with them."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils import runner as module
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import CommandTimeout, NotReadable, ToolMissing

NOBODY = 65534


@contextmanager
def without_root():
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture()
def system():
    return module.SystemRunner()


def test_what_this_user_may_not_read_is_a_failure_that_says_so(system, tmp_path):
    """Not a traceback, and not the same as a file that is not there."""
    (tmp_path / "secret").write_text("x")
    tmp_path.chmod(0o000)
    try:
        with without_root(), pytest.raises(NotReadable, match="secret can't be read by uid .*become") as caught:
            system.read(str(tmp_path / "secret"))
    finally:
        tmp_path.chmod(0o700)
    assert caught.value.data["path"] == str(tmp_path / "secret")


def test_a_process_that_ends_while_it_is_looked_at_has_no_file(system, monkeypatch):
    child = subprocess.Popen(["sleep", "60"])
    handle = open("/proc/%d/stat" % child.pid, encoding="utf-8")
    child.kill()
    child.wait()
    monkeypatch.setattr(module, "open", lambda *args, **kwargs: handle, raising=False)
    assert system.read("/proc/%d/stat" % child.pid) is None


class ToldToEnd(Exception):
    pass


def wait(condition, what):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "never came: %s" % what
        time.sleep(0.005)


@contextmanager
def told_to_end_when(condition):
    """A signal that raises once, as those do that tell a module or a job to end. It is repeated until Python has handled it: one that comes
    while the main thread lets this one run, on its way into a system call, is handled only after that."""
    told = threading.Event()

    def handler(number, frame):
        if not told.is_set():
            told.set()
            raise ToldToEnd

    def is_told():
        if not told.is_set():
            os.kill(os.getpid(), signal.SIGUSR1)
        return told.is_set()

    def watch():
        wait(condition, "the program")
        wait(is_told, "the signal")
    before = signal.signal(signal.SIGUSR1, handler)
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        watcher.join()
        signal.signal(signal.SIGUSR1, before)


def state(pid):
    """What the kernel says of a process, None where it is gone."""
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8") as handle:
            return handle.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


@pytest.fixture()
def heard(monkeypatch):
    """Set as soon as the program is listened to. Before that Python itself is about to start it, and a signal finds no program yet."""
    event, communicate = threading.Event(), subprocess.Popen.communicate

    def listening(self, *args, **kwargs):
        event.set()
        return communicate(self, *args, **kwargs)
    monkeypatch.setattr(subprocess.Popen, "communicate", listening)
    return event


@pytest.fixture()
def pids(tmp_path):
    """Where a script leaves the ids of its processes; what is still there in the end is killed."""
    folder = tmp_path / "pids"
    folder.mkdir()
    yield lambda: [int(path.read_text()) for path in sorted(folder.iterdir()) if path.read_text().strip()]
    for path in folder.iterdir():
        if state(int(path.read_text())) not in (None, "Z"):
            os.kill(int(path.read_text()), signal.SIGKILL)


def test_who_is_told_to_end_leaves_no_program_behind(system, tmp_path, pids, heard):
    script = 'sleep 60 & echo $! > "$0/pids/child"; echo $$ > "$0/pids/shell"; wait'
    with told_to_end_when(lambda: len(pids()) == 2 and heard.is_set()), pytest.raises(ToldToEnd):
        system.run(["sh", "-c", script, str(tmp_path)], limit=30)
    wait(lambda: {state(pid) for pid in pids()} <= {None, "Z"}, "their end")


def test_what_has_no_limit_is_never_cut(system, tmp_path, pids, heard):
    script = 'echo $$ > "$0/pids/shell"; exec sleep 60'
    with told_to_end_when(lambda: len(pids()) == 1 and heard.is_set()), pytest.raises(ToldToEnd):
        system.run(["sh", "-c", script, str(tmp_path)], limit=None)
    assert state(pids()[0]) not in (None, "Z")


@pytest.mark.parametrize("child", ["sleep 60", "setsid sleep 60"])
def test_a_program_that_ended_is_not_late_because_something_that_it_started_lives_on(system, tmp_path, pids, child):
    """That keeps the pipe open; it is a daemon as often as a mistake, and is left alone."""
    done = system.run(["sh", "-c", 'echo began; %s & echo $! > "$0/pids/child"; exit 3' % child, str(tmp_path)], limit=0.5)
    assert (done.rc, done.stdout) == (3, "began\n")
    assert state(pids()[0]) not in (None, "Z")


def test_a_limit_holds_though_something_that_left_the_group_keeps_the_pipe_open(system, tmp_path, pids):
    script = 'setsid sh -c \'echo $$ > "$0/pids/child"; exec sleep 60\' "$0" & while [ ! -s "$0/pids/child" ]; do :; done; sleep 60'
    with pytest.raises(CommandTimeout, match="sh did not end within 1 s"):
        system.run(["sh", "-c", script, str(tmp_path)], limit=1)
    assert state(pids()[0]) not in (None, "Z"), "it was waited for"


@pytest.mark.parametrize("path, why", [
    ("script", "Exec format error; does its first line name its interpreter"), ("script/tool", "Not a directory"),
    ("absent", "No such file or directory"), ("forbidden", "Permission denied")])
def test_a_program_that_can_not_be_run_is_named_with_the_reason(system, tmp_path, path, why):
    for name, mode in (("script", 0o755), ("forbidden", 0o644)):
        (tmp_path / name).write_text("exit 0\n")
        (tmp_path / name).chmod(mode)
    with pytest.raises(ToolMissing, match="%s can't be run: %s" % (path, why)) as caught:
        system.run([str(tmp_path / path)])
    assert "\n" not in caught.value.message
