# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host in a folder: databases of dpkg or rpm with all its packages, which the real tools answer from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.apt.manager import Apt
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import Package
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.rpm import database
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import DEFAULT_LIMIT, Completed, Runner

from .fleet import Document

_LIMIT = 900.0


@dataclass(frozen=True)
class HostRunner:
    """A ``Runner`` whose tools see another host."""

    runner: Runner
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, argv: Sequence[str], limit: float | None = DEFAULT_LIMIT, stdin: str = "",
            env: Mapping[str, str] | None = None, log: IO[str] | None = None) -> Completed:
        return self.runner.run(argv, limit, stdin, {**self.environment, **(env or {})}, log)

    def which(self, tool: str) -> str | None:
        return self.runner.which(tool)

    def read(self, path: str) -> str | None:
        return self.runner.read(path)


@dataclass(frozen=True)
class AptHost:
    """Attached to a published release: dpkg's database, apt's lists of that release, and marks of what is automatic."""

    runner: HostRunner

    def raw(self) -> str:
        return self.runner.run(["dpkg-query", "-W"]).check().stdout

    def installed(self) -> list[Package]:
        """A new manager each time, because it remembers what apt said."""
        return Apt(self.runner).installed()


@dataclass(frozen=True)
class RpmHost:
    runner: HostRunner

    def raw(self) -> str:
        return self.runner.run(["rpm", "-qa"]).check().stdout

    def installed(self) -> list[Package]:
        """What rpm itself knows; dnf adds why and from where."""
        return [Package(entry.nevra.name, entry.nevra.arch, entry.nevra.version) for entry in database.entries(self.runner)]


def apt_host(runner: Runner, top: Path, packages: Sequence[Document], uri: str, key: str) -> AptHost:
    for name in ("dpkg/info", "dpkg/updates", "apt/lists/partial", "cache/archives/partial", "etc/sources.d", "etc/parts", "etc/preferences.d"):
        (top / name).mkdir(parents=True)
    (top / "dpkg/info/format").write_text("1\n")
    (top / "dpkg/status").write_text("\n".join(stanza(package) for package in packages))
    (top / "apt/extended_states").write_text("\n".join(
        "Package: %(name)s\nArchitecture: %(arch)s\nAuto-Installed: 1\n" % package for package in packages if package["reason"] == "automatic"))
    (top / "release.asc").write_text(key)
    (top / "etc/sources.list").write_text("deb [signed-by=%s] file:%s release main\n" % (top / "release.asc", uri))
    (top / "apt.conf").write_text(configuration(top))
    host = HostRunner(runner, {"APT_CONFIG": str(top / "apt.conf"), "DPKG_ADMINDIR": str(top / "dpkg")})
    host.run(["apt-get", "-q", "update"], limit=_LIMIT).check()
    return AptHost(host)


def stanza(package: Document) -> str:
    """Of dpkg's database. Pure."""
    return "".join("%s: %s\n" % pair for pair in (
        ("Package", package["name"]), ("Status", "install ok installed"), ("Priority", "optional"), ("Section", "libs"), ("Installed-Size", 16),
        ("Maintainer", "Nobody <nobody@patchtrain.invalid>"), ("Architecture", package["arch"]), ("Version", package["version"]),
        ("Description", "library of a benchmark\n It does nothing.")))


def configuration(top: Path) -> str:
    """Of an apt that knows nothing of this machine. Pure."""
    places = {"Dir": "%s/" % top, "Dir::State": "%s/apt" % top, "Dir::State::status": "%s/dpkg/status" % top, "Dir::Cache": "%s/cache" % top,
              "Dir::Etc": "%s/etc" % top, "Dir::Etc::sourcelist": "sources.list", "Dir::Etc::sourceparts": "sources.d", "Dir::Etc::parts": "parts",
              "Dir::Etc::main": "none", "APT::Sandbox::User": "", "Acquire::Languages": "none"}
    return "".join('%s "%s";\n' % pair for pair in places.items())


def rpm_host(runner: Runner, top: Path, files: Sequence[Path]) -> RpmHost:
    """Its packages are written into rpm's database alone, from real files."""
    top.mkdir()
    (top / ".rpmmacros").write_text("%%_dbpath %s/db\n%%_pkgverify_level none\n" % top)
    host = HostRunner(runner, {"HOME": str(top)})
    (top / "all").write_text("".join("%s\n" % path for path in files))
    # Debian's rpm wants to be told that this is no accident.
    host.run(["rpm", "--initdb"]).check()
    host.run(["rpm", "--install", "--justdb", "--nodeps", "--nosignature", "--nodigest", "--noscripts", "--notriggers", "--noplugins", "--ignoresize",
              *(["--force-debian"] if runner.which("dpkg") else []), str(top / "all")], limit=_LIMIT).check()
    return RpmHost(host)
