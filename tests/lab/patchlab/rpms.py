# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building the lab's packages as .rpm, and the advisories that go with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from .definitions import HOSTILE, MODULE_CONTEXT, Content, Modular, Version, find, modules, published
from .shell import run

# createrepo_c leaves a package with these in its texts out of the repository; what is left is hostile enough.
_ILLEGAL_IN_XML = dict.fromkeys(number for number in range(32) if number not in (9, 10, 13))


@dataclass(frozen=True)
class Advisory:
    """What upstream says about versions it publishes."""

    ident: str
    kind: str
    severity: str
    title: str
    packages: tuple[tuple[str, str], ...]
    cves: tuple[str, ...] = ()
    reboot: bool = False


ADVISORIES = (
    Advisory("PLSA-2026:0001", "security", "Important", "patchlab-web security update", (("patchlab-web", "1.1"),), ("CVE-2026-90001",)),
    Advisory("PLSA-2026:0002", "security", "Critical", "patchlab-kernelish security update", (("patchlab-kernelish", "1.1"),),
             ("CVE-2026-90002", "CVE-2026-90003"), reboot=True),
    Advisory("PLBA-2026:0003", "bugfix", "None", "patchlab-lib bug fix update", (("patchlab-lib", "1.1"), ("patchlab-app", "1.1"))),
    Advisory("PLEA-2026:0004", "enhancement", "None", "patchlab-conf enhancement update", (("patchlab-conf", "1.1"),)),
    Advisory("PLBA-2026:0005", "bugfix", "None", "patchlab-broken and patchlab-slow bug fix update",
             (("patchlab-broken", "1.1"), ("patchlab-slow", "1.1"))),
    Advisory("PLSA-2026:0006", "security", "Moderate", HOSTILE, (("patchlab-hostile", "1.1"),), ("CVE-2026-90004",)),
    Advisory("PLBA-2026:0007", "bugfix", "None", "patchlab-web bug fix update", (("patchlab-web", "1.2"),)),
    Advisory("PLBA-2026:0008", "bugfix", "None", "patchlab-lib bug fix update", (("patchlab-lib", "1.2"), ("patchlab-app", "1.2"))),
    Advisory("PLSA-2026:0009", "security", "Moderate", "patchlab-conf security update", (("patchlab-conf", "1.2"),), ("CVE-2026-90005",)),
    Advisory("PLBA-2026:0010", "bugfix", "None", "patchlab-odd bug fix update", (("patchlab-odd", "1.0+git2"),)),
    Advisory("PLSA-2026:0011", "security", "Low", "patchlab-odd security update", (("patchlab-odd", "1:0.9"),), ("CVE-2026-90006",)),
    Advisory("PLEA-2026:0012", "enhancement", "None", "patchlab-oldname is called patchlab-newname",
             (("patchlab-newname", "2.0"), ("patchlab-naming", "2.0"))),
)
"""``patchlab-conflict`` 1.1 has none: an update of which nobody says what it is."""


_ARCHS = {"all": "noarch", "amd64": "x86_64", "i386": "i686"}


def rpm_name(item: Version, arch: str) -> str:
    return f"{item.file_stem}-1.{_ARCHS[arch]}.rpm"


def spec(item: Version, sources: Path, arch: str = "all") -> str:
    """The spec file; pure."""
    contents = _contents(item)
    lines = [
        f"Name: {item.name}", f"Version: {item.bare}", "Release: 1", f"Summary: {_plain(item.description)}", "License: GPL-3.0-or-later",
        *([f"Epoch: {item.epoch}"] if item.epoch != "0" else []),
        *([f"ModularityLabel: {item.label}"] if item.label else []), *(["BuildArch: noarch"] if arch == "all" else []),
        "AutoReqProv: no", *_relations(item),
        "%description", _plain(item.description),
        "%install", *(f"install -D -m {content.mode:o} {sources}{content.path} %{{buildroot}}{content.path}" for content in contents),
        *(["%post", item.post] if item.post else []),
        "%files", *(f"%config(noreplace) {content.path}" if content.config else content.path for content in contents),
        "%changelog", f"* Thu Jan 01 2026 The Lab <lab@patchlab.invalid> - {item.version}-1", f"- {_plain(item.change)}",
    ]
    return "\n".join(lines) + "\n"


def _relations(item: Version) -> list[str]:
    renamed = [f"Provides: {item.replaces} = {item.version}", f"Obsoletes: {item.replaces} < {item.version}"] if item.replaces else []
    return [*(f"Requires: {name} {relation}" for name, relation in item.needs), *(f"Conflicts: {name}" for name in item.conflicts),
            *(f"Provides: {name}" for name in item.rpm_provides), *renamed]


def build_rpm(item: Version, arch: str, into: Path, scratch: Path) -> Path:
    """Build one package and return its file."""
    top = scratch / f"{item.file_stem}-{arch}"
    sources = top / "sources"
    sources.mkdir(parents=True)
    for content in _contents(item):
        path = sources / content.path.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content.text)
    (top / "package.spec").write_text(spec(item, sources, arch))
    run(["rpmbuild", "-bb", "--quiet", "--nodeps", f"--target={_ARCHS[arch]}-linux", "--define", f"_topdir {top}", "--define",
         f"_dbpath {top}/db", "--define", "_binary_payload w1.gzdio", top / "package.spec"], env={"HOME": str(top)})
    return (top / "RPMS" / _ARCHS[arch] / rpm_name(item, arch)).rename(into / rpm_name(item, arch))


def updateinfo(level: str) -> str:
    """The advisories of all that is published at a level; pure."""
    known = {(item.name, item.version) for item in published(level)}
    told = [advisory for advisory in ADVISORIES if set(advisory.packages) <= known]
    return '<?xml version="1.0" encoding="UTF-8"?>\n<updates>\n' + "".join(map(_update, told)) + "</updates>\n"


def _update(advisory: Advisory) -> str:
    title = escape(advisory.title.translate(_ILLEGAL_IN_XML))
    references = "".join(
        f'<reference href="https://patchlab.invalid/{cve}" id="{cve}" type="cve" title="{cve}"/>' for cve in advisory.cves)
    packages = "".join(_package(find(name, version), advisory.reboot) for name, version in advisory.packages)
    return (
        f'<update from="lab@patchlab.invalid" status="final" type="{advisory.kind}" version="1"><id>{advisory.ident}</id>'
        f"<title>{title}</title><severity>{advisory.severity}</severity><release>lab</release>"
        f'<issued date="2026-01-01 00:00:00"/><updated date="2026-01-01 00:00:00"/><references>{references}</references>'
        f"<description>{title}</description>"
        f'<pkglist><collection short="lab"><name>lab</name>{packages}</collection></pkglist></update>\n')


def modulemd(level: str) -> str:
    """The module streams at a level, as modules.yaml; pure."""
    return "".join(_module(item) for item in modules(level))


def _module(item: Modular) -> str:
    artifacts = "".join(f"    - {item.name}-{item.epoch}:{item.bare}-1.{_ARCHS[arch]}\n" for arch in item.archs)
    return (
        f"---\ndocument: modulemd\nversion: 2\ndata:\n  name: {item.name}\n  stream: \"{item.stream}\"\n  version: {item.build}\n"
        f"  context: {MODULE_CONTEXT}\n  arch: x86_64\n  summary: a module of the lab\n  description: >-\n    a module of the lab\n"
        f"  license:\n    module:\n    - GPL-3.0-or-later\n  profiles:\n    common:\n      rpms:\n      - {item.name}\n"
        f"  artifacts:\n    rpms:\n{artifacts}...\n")


def _package(item: Version, reboot: bool) -> str:
    hint = "<reboot_suggested>True</reboot_suggested>" if reboot else ""
    source = quoteattr(f"{item.file_stem}-1.src.rpm")
    return "".join(
        f'<package name="{item.name}" version="{item.bare}" release="1" epoch="{item.epoch}" arch="{_ARCHS[arch]}" src={source}>'
        f"<filename>{rpm_name(item, arch)}</filename>{hint}</package>" for arch in item.archs)


def _contents(item: Version) -> tuple[Content, ...]:
    return (*item.contents, *item.rpm_contents)


def _plain(text: str) -> str:
    """A macro in a spec file would be expanded."""
    return text.translate(_ILLEGAL_IN_XML).replace("%", "%%")
