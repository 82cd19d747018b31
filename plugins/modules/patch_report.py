#!/usr/bin/python
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; this file is never executed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: patch_report
short_description: Write the page of a run or of the latest assessments
version_added: 0.1.0
description:
  - Writes one self-contained HTML page, JSON and CSV from the ledger. No host is contacted.
extends_documentation_fragment:
  - fleetops.patchtrain.attributes
  - fleetops.patchtrain.attributes.controller
options:
  run_id:
    description: The run to report on. Empty for the latest assessments of the play's hosts.
    type: str
    default: ""
  directory:
    description:
      - Where the files go. By default E(patch_report_dir), or a folder of its own in the state directory
        (C($XDG_STATE_HOME/patchtrain/reports)).
    type: path
author:
  - fleetops.patchtrain contributors (@fleetops)
"""

EXAMPLES = r"""
- name: Write the page of the latest assessments
  fleetops.patchtrain.patch_report:
  run_once: true
"""

RETURN = r"""
report:
  description: The paths of the report's files.
  returned: success
  type: dict
  sample:
    html: /home/ops/.local/state/patchtrain/reports/assessment/index.html
summary:
  description: How many hosts are compliant, not compliant, unknown, and the rest of the page's figures.
  returned: success
  type: dict
"""
