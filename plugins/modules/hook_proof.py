#!/usr/bin/python
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; this file is never executed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: hook_proof
short_description: Prove that a hook's tasks were reached
version_added: 0.1.0
description:
  - Part of the instrumented copies of hooks. Users do not call it.
  - It records that a hook began, fails where a task of it was lost with its host, and proves at the end that the host is still there.
extends_documentation_fragment:
  - fleetops.patchtrain.attributes
  - fleetops.patchtrain.attributes.controller
options:
  state:
    description: What is proved.
    type: str
    required: true
    choices: [begun, lost, ended]
  point:
    description: The hook's place in the roll.
    type: str
    required: true
    choices: [before_drain, after_drain, before_restore, after_restore, run_before, run_after, run_on_stop, run_on_first_failure]
  source:
    description: The user's file.
    type: path
    required: true
  run_id:
    description: The run.
    type: str
    required: true
  task:
    description: Of O(state=lost), the task whose host did not answer.
    type: str
  place:
    description: Of O(state=lost), where that task was to run. By default the host itself.
    type: str
author:
  - fleetops.patchtrain contributors (@fleetops)
"""

EXAMPLES = r"""
- name: Proof that the host is still there
  fleetops.patchtrain.hook_proof:
    state: ended
    point: before_drain
    source: /srv/deployments/hooks/before_drain.yml
    run_id: "{{ patch_run_id }}"
"""

RETURN = r"""
error:
  description: The C(kind) of failure. C(Lost) is a host that did not answer.
  returned: failure
  type: dict
"""
