#!/usr/bin/python
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; this file is never executed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: run_hook
short_description: Decide who does a run's own hook, and record how it ended
version_added: 0.1.0
description:
  - Part of the role C(fleetops.patchtrain.patch), which includes the hook in between. Users do not call it.
  - A hook of the run is done once, whichever host comes first to it and under whatever strategy; the ledger says which was done, so that a run that is
    gone on with does not repeat it.
  - In check mode no hook of the run is done.
extends_documentation_fragment:
  - fleetops.patchtrain.attributes
  - fleetops.patchtrain.attributes.controller
options:
  state:
    description:
      - V(begun) says whether this host is to do it.
      - V(ended) records how it ended. A failure V(before) the run ends the run.
      - V(judged) fails where the hook V(before) the run has failed.
    type: str
    required: true
    choices: [begun, ended, judged]
  point:
    description: Which hook.
    type: str
    required: true
    choices: [before, after, on_stop, on_first_failure]
  run_id:
    description: The run.
    type: str
    required: true
  failed_task:
    description: Of O(state=ended), the name of the task that failed.
    type: str
  failure:
    description: Of O(state=ended), the result of the task that failed.
    type: dict
author:
  - fleetops.patchtrain contributors (@fleetops)
"""

EXAMPLES = r"""
- name: Is the hook to be done here?
  fleetops.patchtrain.run_hook:
    state: begun
    point: after
    run_id: "{{ patch_run_id }}"
  register: patch_run_point_begun
"""

RETURN = r"""
granted:
  description: Whether this host is to do the hook now.
  returned: O(state=begun)
  type: bool
file:
  description: The checked copy of the hook, to be included.
  returned: O(state=begun), where granted
  type: str
summary:
  description: The run as the hook sees it, in the variable C(patch_run_summary).
  returned: O(state=begun), where granted
  type: dict
outcome:
  description: V(ok) or V(failed).
  returned: O(state=ended)
  type: str
"""
