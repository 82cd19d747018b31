# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module of the collection says of itself."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Whether the task can be run in check mode, and changes nothing then.
    support: full
  diff_mode:
    description: Whether the task shows differences in diff mode.
    support: none
  action_group:
    description: The group whose defaults (C(module_defaults)) the module takes.
    support: full
    membership:
      - fleetops.patchtrain.patchtrain
"""

    CONTROLLER = r"""
attributes:
  action:
    description: Whether the work is done by an action plugin on the controller.
    support: full
notes:
  - Works on the controller, which needs SQLAlchemy (C(pip install 'SQLAlchemy>=2.0.25,<3')).
"""
