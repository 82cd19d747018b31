# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watching an installation: rare questions, patience with a cut connection, a limit that leaves the job alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils import patient
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.remote import Lost

JOB = {"unit": "patchtrain-ab.service", "directory": "/var/lib/patchtrain/jobs/ab", "python": "/usr/bin/python3"}


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Host:
    """Answers from a list; an exception in it is raised. Each answer takes ``cost`` seconds."""

    name = "web1"

    def __init__(self, time: Time, answers: list, cost: float = 1.0) -> None:
        self.time, self.answers, self.cost = time, answers, cost
        self.asked: list = []
        self.forgotten = 0

    def _next(self, question: Any) -> Any:
        self.asked.append(question)
        self.time.now += self.cost
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def module(self, name: str, args: dict, seconds: float) -> Any:
        return self._next("module")

    def command(self, argv: list, seconds: float) -> Any:
        found = self._next(argv)
        return {"rc": 0, "stdout": json.dumps(found) + "\n", "stderr": ""}

    def forget_connection(self) -> None:
        self.forgotten += 1


def watch(host: Host, timeout: float = 600, patience: float = 60) -> dict:
    return patient.install(host, lambda args, seconds: host.module("m", args, seconds), {}, timeout, patience, lambda: host.time.now, host.time.sleep)


def test_a_quick_job_costs_one_execution() -> None:
    host = Host(Time(), [{"finished": True, "packages": []}])
    assert watch(host)["executions"] == 1


def test_a_long_one_is_asked_for_by_small_commands() -> None:
    host = Host(Time(), [{"finished": False, "job": JOB}, {"finished": False}, {"finished": True, "result": {"packages": ["x"]}}])
    result = watch(host)
    assert result["packages"] == ["x"] and result["executions"] == 3
    assert host.asked[1][-5:-1] == [JOB["directory"] + "/program.zip", "wait", JOB["directory"], "--limit"]


def test_a_cut_connection_is_attached_to_again() -> None:
    lost = Lost("gone")
    host = Host(Time(), [{"finished": False, "job": JOB}, lost, lost, {"finished": True, "result": {}}])
    assert watch(host)["executions"] == 4 and host.forgotten == 2


def test_a_host_that_stays_away_is_lost_after_the_patience() -> None:
    time = Time()
    with pytest.raises(Lost):
        watch(Host(time, [Lost("gone")], cost=5), patience=60)
    assert 60 <= time.now < 80


def test_a_job_that_outlasts_the_limit_is_named_and_left_alone() -> None:
    host = Host(Time(), [{"finished": False, "job": JOB}, {"finished": False}], cost=45)
    with pytest.raises(patient.StillRunning, match="patchtrain-ab.service"):
        watch(host, timeout=200)


def test_nonsense_instead_of_an_answer_is_a_failure() -> None:
    with pytest.raises(patient.ParseFailed):
        patient._answer({"rc": 0, "stdout": "Killed", "stderr": ""})
    with pytest.raises(patient.ParseFailed, match="rc 127"):
        patient._answer({"rc": 127, "stdout": "", "stderr": "python: not found"})


@pytest.mark.parametrize(("within", "told"), [(200.0, [200.0, 138.0, 76.0]), ("70", [70.0, 8.0, 0.0]), ("soon", ["soon"] * 3), (None, [None] * 3)])
def test_whoever_is_asked_again_later_has_less_time_left_to_begin(within: Any, told: list) -> None:
    host = Host(Time(), [Lost("gone"), Lost("gone"), {"finished": True}], cost=60.0)
    seen: list = []

    def begin(args: dict, seconds: float) -> Any:
        seen.append(args.get("begin_within"))
        return host.module("m", args, seconds)

    patient.install(host, begin, {} if within is None else {"begin_within": within}, 600, 600, lambda: host.time.now, host.time.sleep)
    assert seen == told
