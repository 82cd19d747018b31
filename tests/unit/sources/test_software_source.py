# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.module_utils.sources.switch import Result
from ansible_collections.fleetops.patchtrain.plugins.modules import software_source

OPTIONS: dict[str, Any] = {
    "url": "http://x", "digest": "0" * 64, "keys": ["k"], "passthrough": [], "package_gpgcheck": True, "ca": "", "release": None,
    "state": "attached"}


def test_what_is_missing_is_named() -> None:
    with pytest.raises(BadInput, match="url, keys: needed to attach"):
        software_source.switched(dict(OPTIONS, url=None, keys=[]), False)
    with pytest.raises(BadInput, match="known on the controller alone"):
        software_source.switched(dict(OPTIONS, digest=None, release="prod"), False)


def test_a_digest_that_is_none_is_refused() -> None:
    with pytest.raises(BadInput, match="64 hexadecimal"):
        software_source.aim_from(dict(OPTIONS, digest="../" + "0" * 61))


def test_options_reach_the_aim() -> None:
    aim = software_source.aim_from(dict(OPTIONS, passthrough=["a*"]))
    assert (aim.url, aim.digest, aim.keys, aim.passthrough, aim.package_gpgcheck) == ("http://x", "0" * 64, ["k"], ["a*"], True)


def test_the_difference_is_a_list_of_sources() -> None:
    shown = software_source.shown(Result(True, None, None, ["a", "b"], ["r"]))
    assert (shown["diff"]["before"], shown["diff"]["after"]) == ("a\nb\n", "r\n")
