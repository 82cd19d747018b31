#!/usr/bin/env python3
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the shipyard of ``fleet.py`` into two repositories: ``build.py DIRECTORY`` makes DIRECTORY/base (advisories in
updateinfo.xml) and DIRECTORY/extra (none). Wants rpmbuild, createrepo_c and modifyrepo_c."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Iterable, List
from xml.sax.saxutils import escape, quoteattr

from fleet import ADVISORIES, BASE_NEW, BASE_OLD, EXTRA, Advisory, Rpm


def spec(rpm: Rpm) -> str:
    """The package's whole spec file."""
    path = _path(rpm)
    lines = ["Name: %s" % rpm.name, "Version: %s" % rpm.version, "Release: %s" % rpm.release, "Summary: %s of the shipyard" % rpm.name,
             "License: MIT", "AutoReqProv: no"]
    lines += ["Epoch: %d" % rpm.epoch] if rpm.epoch else []
    lines += [] if any(tag.startswith("Vendor:") for tag in rpm.tags) else ["Vendor: Harbor"]
    lines += ["BuildArch: noarch"] if rpm.arch == "noarch" else []
    lines += list(rpm.tags) + ["%description", "It is <script>there</script>."]
    lines += ["%install", "mkdir -p %%{buildroot}%s" % path.rpartition("/")[0], "echo %s > %%{buildroot}%s" % (rpm.version, path)]
    for section, script in rpm.scripts:
        lines += ["%%%s" % section, script]
    lines += ["%files", ("%%config(noreplace) %s" if rpm.config else "%s") % path]
    return "\n".join(lines) + "\n"


def _path(rpm: Rpm) -> str:
    if rpm.config:
        return "/etc/%s.conf" % rpm.name
    return "/usr/share/%s/version" % ("%s-%s" % (rpm.name, rpm.version) if rpm.several else rpm.name)


def build(rpm: Rpm, work: Path, target: Path) -> None:
    work.mkdir(parents=True, exist_ok=True)
    file = work / ("%s-%s.spec" % (rpm.name, rpm.version))
    file.write_text(spec(rpm))
    run(["rpmbuild", "-bb", "--quiet", "--target", rpm.arch, "--define", "_topdir %s" % work, "--define", "_rpmdir %s" % target,
         "--define", "_rpmfilename %{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm", "--define", "_build_id_links none", str(file)])


def updateinfo(advisories: Iterable[Advisory]) -> str:
    return '<?xml version="1.0" encoding="UTF-8"?>\n<updates>\n%s</updates>\n' % "".join(map(_update, advisories))


UPDATE = """<update from="yard@harbor.example" status="stable" type=%s version="1">
<id>%s</id><title>%s</title><issued date="2026-11-01 00:00:00"/><updated date="2026-11-01 00:00:00"/><release>Harbor 9</release>
<severity>%s</severity><description>%s</description><references>%s</references>
<pkglist><collection short="harbor"><name>Harbor</name>%s</collection></pkglist></update>
"""
REFERENCE = '<reference href="https://cve.example/%s" id="%s" type="cve" title="%s"/>'


def _update(advisory: Advisory) -> str:
    references = "".join(REFERENCE % (cve, cve, cve) for cve in advisory.cves)
    title = escape(advisory.title)
    packages = "".join(map(_package, advisory.packages))
    return UPDATE % (quoteattr(advisory.type), escape(advisory.id), title, advisory.severity, title, references, packages)


def _package(rpm: Rpm) -> str:
    file = "%s-%s-%s.%s.rpm" % (rpm.name, rpm.version, rpm.release, rpm.arch)
    tags = " ".join("%s=%s" % (key, quoteattr(value)) for key, value in rpm.nevra.items())
    return "<package %s><filename>%s</filename></package>" % (tags, file)


def repository(rpms: Iterable[Rpm], advisories: List[Advisory], work: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for rpm in rpms:
        build(rpm, work, target)
    run(["createrepo_c", "--quiet", str(target)])
    if advisories:
        file = work / "updateinfo.xml"
        file.write_text(updateinfo(advisories))
        run(["modifyrepo_c", "--mdtype=updateinfo", str(file), str(target / "repodata")])


def run(argv: List[str]) -> None:
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


def main(target: Path) -> None:
    repository(BASE_OLD + BASE_NEW, ADVISORIES, target / "work", target / "base")
    repository(EXTRA, [], target / "work", target / "extra")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
