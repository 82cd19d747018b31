# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publishing with the real tools."""

from __future__ import annotations

import gzip

from .building import APT_KEY, DNF_KEY, Built, Repository


def test_a_release_of_both_kinds(repository: Repository, debs: list[Built], rpms: list[Built]) -> None:
    result = repository.publish({APT_KEY: debs, DNF_KEY: rpms})
    folder = repository.folder(result)
    assert result["changed"]
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and "repodata" not in path.parts)
    dists = f"{APT_KEY}/dists/release"
    assert found == sorted([
        "manifest.json", "manifest.json.asc", "files.json", "files.json.asc",
        f"{dists}/InRelease", f"{dists}/Release", f"{dists}/Release.gpg",
        *[f"{dists}/main/binary-{arch}/Packages{tail}" for arch in ("amd64", "i386") for tail in ("", ".gz")],
        f"{APT_KEY}/pool/tool_1.0~rc1+b1_all.deb", f"{APT_KEY}/pool/libx_2.0-1_amd64.deb", f"{APT_KEY}/pool/libx_2.0-1_i386.deb",
        f"{DNF_KEY}/Packages/tool-1.0~rc1-1.noarch.rpm"])
    text = gzip.decompress((folder / dists / "main/binary-i386/Packages.gz").read_bytes()).decode()
    assert [line for line in text.splitlines() if line.startswith("Filename")] == [
        "Filename: pool/libx_2.0-1_i386.deb", "Filename: pool/tool_1.0~rc1+b1_all.deb"]
