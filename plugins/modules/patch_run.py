#!/usr/bin/python
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; this file is never executed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: patch_run
short_description: Open, plan, close and finish a run of a deployment
version_added: 0.1.0
description:
  - A run is one execution of a deployment, recorded in the ledger. Opening it freezes its targets, settings and hooks;
    finishing it writes the report and says how it ended.
  - The settings are the E(patch_*) variables of the hosts, as the role C(fleetops.patchtrain.patch) documents them. Run-wide ones
    are read once, when the run opens, and hosts that disagree about one are an error.
  - Nothing is executed on the hosts.
extends_documentation_fragment:
  - fleetops.patchtrain.attributes
  - fleetops.patchtrain.attributes.controller
options:
  state:
    description:
      - V(opened) opens the run for the hosts of the play, or joins the one that this play opened already. Every hook is
        found, loaded and parsed now, and a bad one refuses the run.
        Budgets that could never be kept refuse it too, by their names. Hosts that E(patch_scope) leaves out are not targeted, and every action
        with the run's name skips them and says why.
      - V(planned) decides the order of the roll from what was assessed, plays the roll through with how long hosts took in earlier runs, and prints
        what comes of it; it is recorded, so that what was predicted stands beside what became of it. Nothing on any host is touched.
      - V(closed) finishes the run if this host was its last one; for plays of one's own. The task fails when its host ended in a state of
        E(patch_fail_on), as O(fail_host) says.
      - V(finished) finishes the run, whatever its hosts' states, writes the report and fails when a host ended in a state of E(patch_fail_on).
      - V(info) tells who is out of service, since when, why, the end of the log, and the exact next command; of O(run_id), or of all unfinished runs.
      - V(paused) gives no further slots until V(resumed). V(stopped) finishes what is out of service and starts nothing more, and says how long that
        takes at most.
      - V(released) returns the slots of O(hosts) that are gone for good, for O(reason), with O(run_id) only those of that run. A host that a living run
        works on is refused.
      - V(disowned) declares the run's controller gone, so that the next start under the run's name goes on with it. Needed only where that can't be
        known, because the controller was another machine and its lease (E(patch_lease)) has not ended; with O(force).
    type: str
    required: true
    choices: [opened, planned, closed, finished, info, paused, resumed, stopped, released, disowned]
  run_id:
    description:
      - The run's name, as returned by O(state=opened). Needed for V(planned), V(closed) and V(finished). The states for people take the only unfinished
        run where it is not given.
    type: str
  hosts:
    description: Of O(state=released), the hosts that are gone for good.
    type: list
    elements: str
  reason:
    description: Why; recorded. Needed for O(state=released).
    type: str
  force:
    description: Of O(state=disowned), whether the controller is gone though it can't be seen from here.
    type: bool
    default: false
  fail_host:
    description: Of O(state=closed), whether the task fails when its host ended in a state of E(patch_fail_on). By default E(patch_fail_host).
    type: bool
author:
  - fleetops.patchtrain contributors (@fleetops)
"""

EXAMPLES = r"""
- name: Open the run
  fleetops.patchtrain.patch_run:
    state: opened
  register: patch_opened
  run_once: true

- name: Who is out of service, and what is to be done?
  fleetops.patchtrain.patch_run:
    state: info
  run_once: true

- name: Start no further host for now
  fleetops.patchtrain.patch_run:
    state: paused
    reason: the database team looks into it
  run_once: true

- name: Finish it
  fleetops.patchtrain.patch_run:
    state: finished
    run_id: "{{ patch_opened.run_id }}"
  run_once: true
"""

RETURN = r"""
text:
  description: Who is out of service, for a terminal.
  returned: O(state=info)
  type: str
runs:
  description: The runs that were asked for, each with its state, controller and hosts by state; with O(run_id) also with the last C(events), which
    tell what was done to the run, when, by whom, why, as which job and for which change.
  returned: O(state=info)
  type: list
  elements: dict
out_of_service:
  description: Each host that is, with since when (epoch seconds), why, its step, the end of its log and the next command.
  returned: O(state=info)
  type: list
  elements: dict
by_other_runs:
  description: With O(run_id), the same of its hosts that other runs have out of service.
  returned: O(state=info)
  type: list
  elements: dict
run_state:
  description: The run's state now.
  returned: O(state=paused), O(state=resumed), O(state=stopped) and O(state=disowned)
  type: str
returned:
  description: The hosts whose slots were returned.
  returned: O(state=released)
  type: list
  elements: str
run_id:
  description: The run's name.
  returned: success
  type: str
  sample: patch-20261121T013000Z-4f2a
hooks:
  description: For each hook that a host names, the checked and instrumented copy that is executed.
  returned: O(state=opened)
  type: dict
plan:
  description: The order of the roll, how it is divided (first the canaries), and what it is expected to be like. Times are epoch seconds.
  returned: O(state=planned)
  type: dict
  contains:
    run_id:
      description: The run's name.
      type: str
    order:
      description: The hosts that will be rolled, in order.
      type: list
      elements: str
    strategy:
      description: The strategy of that play which costs the least; V(linear) where no host has hooks and each has a process.
      type: str
    serial:
      description: Batch sizes for a play's C(serial).
      type: list
      elements: raw
    begins_at:
      description: When the roll begins, which is when its window opens.
      type: float
    ends_at:
      description: When the last host is back.
      type: float
    best_end:
      description: When it would be with as many forks as are needed.
      type: float
    peak:
      description: The most hosts that are out of service at once.
      type: int
    forks:
      description: How many there are.
      type: int
    forks_needed:
      description: How many make the roll end as soon as the budgets allow. A host that waits for its slot keeps a fork.
      type: int
    bottleneck:
      description: What to raise first for a faster roll, a budget or V(forks); empty where no host waits.
      type: str
    waits:
      description: Seconds that hosts wait, added up, by what they wait for.
      type: dict
    window:
      description: What the window leaves, C(holds) where every host fits into it, C(deferred) how many do not; null without a window.
      type: dict
    counts:
      description: How many hosts are V(patched), V(deferred) and V(not_started).
      type: dict
    given_up:
      description: How many hosts wait for their slot for longer than E(patch_slot_timeout), and are not started.
      type: int
    assumed:
      description: Of how many hosts there is no history, so that their times are E(patch_estimate_default).
      type: int
    packages:
      description: How many packages change on all hosts together.
      type: int
    hosts:
      description: Each host with its set, packages, whether it is drained and rebooted, predicted start and end, what it waits for, and V(assumed) where
        the times are from no history; then those that have come to their end already, with the reason.
      type: list
      elements: dict
states:
  description: How many hosts ended in which state.
  returned: O(state=finished), and O(state=closed) with the last host
  type: dict
run_hooks:
  description: Whether the run has hooks of its own for its end, the first failure or a stop.
  returned: O(state=finished)
  type: bool
report:
  description: The paths of the report's files; of O(state=planned), that of the plan's page.
  returned: O(state=planned), O(state=finished), and O(state=closed) with the last host
  type: dict
"""
