#!/usr/bin/python
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; this file is never executed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_roll
short_description: One host's whole cycle, from its slot to its slot's return
version_added: 0.1.0
description:
  - Confirms what was prepared, waits for a slot, takes the host out of service, installs, reboots as the settings say, looks whether it is
    healthy, brings it back, and returns the slot. It is what the role does with a host that has no hooks.
  - All of it is one task, so that a strategy has nothing to do between the steps and hosts need not wait for each other. Each step is in the
    ledger before it is done, as with the single modules, and is told on the terminal (standard error) once it was.
  - A failure is recorded at once, as M(fleetops.patchtrain.maintenance_slot) records one, and then fails the task.
extends_documentation_fragment:
  - fleetops.patchtrain.attributes
  - fleetops.patchtrain.attributes.controller
options:
  run_id:
    description: The run's name. Its hosts have to be prepared.
    type: str
    required: true
  places:
    description: Where the host is taken out of service, as in the setting E(patch_maintenance).
    type: list
    elements: dict
    default: []
  alone:
    description: Whether hosts of a batch may wait for each other's slots under a strategy that moves them in step. They may where this is the only
      task that any of them has with a slot.
    type: bool
    default: false
author:
  - fleetops.patchtrain contributors (@fleetops)
seealso:
  - module: fleetops.patchtrain.maintenance_slot
  - module: fleetops.patchtrain.maintenance_mode
  - module: fleetops.patchtrain.updates_install
  - module: fleetops.patchtrain.host_reboot
  - module: fleetops.patchtrain.host_health_info
"""

EXAMPLES = r"""
- name: Open the run
  fleetops.patchtrain.patch_run:
    state: opened
  register: patch_opened
  run_once: true

- name: Prepare
  fleetops.patchtrain.host_assess:
    run_id: "{{ patch_opened.run_id }}"
    stage: download

- name: Patch this host
  fleetops.patchtrain.host_roll:
    run_id: "{{ patch_opened.run_id }}"
    places:
      - {driver: haproxy, place: lb1, options: {backend: web}}
"""

RETURN = r"""
granted:
  description: Whether the host got a slot.
  returned: success
  type: bool
host_state:
  description: The host's state in the run.
  returned: always
  type: str
  sample: succeeded
reason:
  description: Why it is in that state, or why no slot was granted.
  returned: success
  type: str
note:
  description: What else went wrong, of which nothing depends.
  returned: success, and with a slot
  type: str
recorded:
  description: That the failure is in the ledger already.
  returned: failure
  type: bool
error:
  description: The C(kind) of failure, and its data.
  returned: failure
  type: dict
"""
