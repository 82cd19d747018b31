#!/usr/bin/python
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; this file is never executed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_reboot
short_description: Reboot a host, proved by its boot id
version_added: 0.1.0
description:
  - Reboots the host and waits until it answers with another boot id, polling with small commands instead of modules.
  - With O(run_id), the deployment's E(patch_reboot) and what the installation found decide whether there is a reboot at all.
extends_documentation_fragment:
  - fleetops.patchtrain.attributes
  - fleetops.patchtrain.attributes.controller
options:
  run_id:
    description: The run that the step belongs to. Without it, the host is rebooted in any case.
    type: str
  timeout:
    description: Limit in seconds for the host to come back. By default E(patch_reboot_timeout), or 600.
    type: float
  before:
    description: Of O(run_id), that it comes before the installation. Done only where E(patch_reboot_before) is true, a reboot is due already and something is
      to be installed.
    type: bool
    default: false
author:
  - fleetops.patchtrain contributors (@fleetops)
"""

EXAMPLES = r"""
- name: Reboot
  fleetops.patchtrain.host_reboot:
    timeout: 300
"""

RETURN = r"""
rebooted:
  description: Whether the host was rebooted.
  returned: success
  type: bool
reason:
  description: Why it was, or was not.
  returned: success
  type: str
boot_id:
  description: The boot id with which the host answers now.
  returned: when rebooted
  type: str
elapsed:
  description: Seconds from the reboot's order to the first answer.
  returned: when rebooted
  type: float
executions:
  description: How many remote executions it took.
  returned: when rebooted
  type: int
"""
