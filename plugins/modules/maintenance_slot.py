#!/usr/bin/python
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; this file is never executed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: maintenance_slot
short_description: One host's right to be out of service
version_added: 0.1.0
description:
  - A slot is taken before a host's drain and returned after its restore, so that never more hosts are out of service than declared,
    whatever the order in which they finish.
  - The task waits until a slot is free. A slot that only a failed host could free is refused at once, with that host's name.
extends_documentation_fragment:
  - fleetops.patchtrain.attributes
  - fleetops.patchtrain.attributes.controller
options:
  state:
    description:
      - V(taken) waits for a slot and takes it, or says why there is none.
      - V(returned) gives it back after the soak (E(patch_soak)) and records the host's final state.
      - V(failed) records a failure. A drain that did not get as far as the installation is undone; a host that failed later stays drained and
        keeps its slot, and so does one whose drain can't be undone, or had hooks.
      - V(found) names the run in which this host holds a slot, the latest if several. It fails where a run still works on the host, or an
        installation still goes on there.
    type: str
    required: true
    choices: [taken, returned, failed, found]
  run_id:
    description: The run's name. Not needed for O(state=found).
    type: str
  confirm:
    description: Of O(state=taken), whether the host is asked, while it waits, that what was prepared is still what would be installed. It fails
      where it is not.
    type: bool
    default: false
  alone:
    description: Of O(state=taken), whether the host goes its own way with the slot whatever the strategy is, as in M(fleetops.patchtrain.host_roll).
    type: bool
    default: false
  require:
    description: Whether the task fails where no slot was granted, or after recording a failure.
    type: bool
    default: false
  failed_task:
    description: Of O(state=failed), the task that failed.
    type: str
  failure:
    description: Of O(state=failed), the result of that task.
    type: dict
  reason:
    description:
      - Why a host comes back that did not pass its health gate. Recorded.
      - Of O(state=found), why it may come back although a run seems to work on it.
    type: str
    default: ""
author:
  - fleetops.patchtrain contributors (@fleetops)
"""

EXAMPLES = r"""
- name: Take a slot
  fleetops.patchtrain.maintenance_slot:
    state: taken
    run_id: "{{ patch_opened.run_id }}"
  register: patch_slot

- name: Return it
  fleetops.patchtrain.maintenance_slot:
    state: returned
    run_id: "{{ patch_opened.run_id }}"
  when: patch_slot.granted
"""

RETURN = r"""
granted:
  description: Whether the host holds a slot now.
  returned: O(state=taken)
  type: bool
hooks_done:
  description: The hooks that the run has been through with the host already since it has its slot, where it is gone on with.
  returned: O(state=taken), and granted
  type: list
  elements: str
host_state:
  description: The host's state in the run.
  returned: success
  type: str
  sample: succeeded
reason:
  description: Why no slot was granted, or why the host is in its state.
  returned: success
  type: str
run_id:
  description: The run in which this host holds a slot, empty for none.
  returned: O(state=found)
  type: str
hooks:
  description: The hooks of that run, as M(fleetops.patchtrain.patch_run) returns them.
  returned: O(state=found)
  type: dict
held_by:
  description: Another run, the latest if several, in which the host still holds a slot; empty for none.
  returned: O(state=returned)
  type: str
note:
  description: What else went wrong, of which nothing depends.
  returned: O(state=returned) and O(state=failed)
  type: str
waited_s:
  description: How many seconds were waited for the slot.
  returned: O(state=taken)
  type: float
"""
