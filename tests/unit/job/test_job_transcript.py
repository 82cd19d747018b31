# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tools' own words are read as, on transcripts of the tools."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.fleetops.patchtrain.plugins.module_utils.job.transcript import done, last_error, reasons

DATA = Path(__file__).parent / "data"
POSTINST = (DATA / "apt-postinst-fails.log").read_text()
UNPACK = (DATA / "apt-unpack-fails.log").read_text()


def test_a_failing_script_is_the_reason_of_its_package_and_of_what_depends_on_it() -> None:
    assert reasons(POSTINST) == {
        "bad": "installed bad package post-installation script subprocess returned error exit status 3",
        "onbad": "onbad depends on bad (>= 2.0); however: Package bad is not configured yet.",
    }


def test_a_file_conflict_is_the_reason_of_the_archive_s_package() -> None:
    assert reasons(UNPACK) == {"clash": "trying to overwrite '/usr/share/alpha/data', which is also in package alpha 2.0"}


def test_the_last_error_of_a_transcript() -> None:
    assert last_error(POSTINST) == "E: Sub-process /usr/bin/dpkg returned an error code (1)"
    assert last_error("Setting up x (1) ...\n") is None


def test_our_own_lines_are_no_errors_of_a_tool() -> None:
    assert last_error("== 2026-11-02T00:00:00Z it failed: see above\n") is None


def test_a_package_is_done_when_it_is_set_up() -> None:
    names = ["alpha", "bad", "beta", "onbad"]
    assert done(POSTINST, names) == 3
    assert done(POSTINST[:POSTINST.index("Setting up beta")], names) == 1
    assert done("", names) == 0


def test_packages_of_others_do_not_count_as_done() -> None:
    assert done("Setting up libc-bin (2.36-9) ...\nSetting up alpha:amd64 (2.0) ...\n", ["alpha"]) == 1


SIX = ["patchlab-app", "patchlab-broken", "patchlab-conf", "patchlab-kernelish", "patchlab-lib", "patchlab-web"]


def test_dnf_counts_cleaning_up_as_well() -> None:
    log = (DATA / "dnf-script-fails.log").read_text()
    assert done(log, SIX) == 6
    assert done(log[:log.index("  Verifying")], SIX) == 6
    assert done(log[:log.index("  Verifying        : patchlab-conf")], SIX) == 6
    assert done(log[:log.index("  Upgrading        : patchlab-conf")], SIX) == 2
    assert done(log[:log.index("  Upgrading        : patchlab-lib")], SIX) == 0


def test_zypper_counts_packages() -> None:
    log = (DATA / "zypper-script-fails.log").read_text()
    assert done(log, SIX) == 6
    assert done(log[:log.index("(4/6) Installing")], SIX) == 3
    assert done(log[:log.index("(1/6) Installing")], SIX) == 0
