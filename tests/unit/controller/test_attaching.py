# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.fleetops.patchtrain.plugins.action import software_source
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.attaching import attach
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.releasing.resolve import Published
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.settings import Settings

CA = Path(__file__).parents[1] / "sources" / "data" / "ca-one.pem"
RELEASE = Published("0" * 64, "https://r.example/releases/" + "0" * 64, ["key"])


class Remote:
    """Keeps what it is asked."""

    def module(self, name: str, args: dict[str, Any], seconds: float, check: bool | None = None) -> dict[str, Any]:
        self.args = args
        return {"changed": True}


def attached(path: str) -> Any:
    remote = Remote()
    attach(remote, Settings(patch_release_ca=path), RELEASE)  # type: ignore[arg-type]
    return remote.args["ca"]


def test_the_host_gets_what_the_controller_s_file_says() -> None:
    assert attached("") == ""
    assert attached(str(CA)) == CA.read_text()


def test_a_file_that_is_no_authority_s_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"patch_release_ca is .*/gone.pem, which can't be read on the controller: No such file"):
        attached(str(tmp_path / "gone.pem"))
    (tmp_path / "ca.pem").write_text("nonsense")
    with pytest.raises(BadInput, match=r"patch_release_ca is .*/ca.pem: ca: that is no certificate in PEM"):
        attached(str(tmp_path / "ca.pem"))


def test_a_playbook_without_a_release_is_told_so_before_any_host_is_asked(desk: Any) -> None:
    with pytest.raises(BadInput, match="which release.* release_name"):
        desk.do(software_source, release="")
    assert desk.places == {}
