# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long examples may take."""

from __future__ import annotations

import hypothesis

# No test asserts a time: on a busy machine an example takes what it takes.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")
