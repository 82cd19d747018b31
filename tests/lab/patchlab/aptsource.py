# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine's own package sources: asked of apt, never guessed, never written down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .errors import CommandFailed, Missing
from .shell import run

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_TRANSPORT = ("Acquire::http", "Acquire::https", "Acquire::Retries", "Acquire::ForceIPv", "Acquire::AllowWeak")


@dataclass(frozen=True)
class Source:
    """One suite of one mirror as this machine uses it."""

    uri: str
    suite: str
    keyring: Path = _KEYRING

    def line(self) -> str:
        keyring = f"[signed-by={self.keyring}] " if self.keyring.exists() else ""
        return f"deb {keyring}{self.uri} {self.suite} main\n"


def parse_targets(text: str) -> list[Source]:
    """Lines ``uri|suite|component`` as apt's indextargets prints them; pure."""
    found = []
    for line in text.splitlines():
        uri, suite, component = line.split("|")
        if component == "main" and Source(uri, suite) not in found:
            found.append(Source(uri, suite))
    return found


def machine_sources() -> list[Source]:
    """The suites with a component ``main`` that this machine's apt is set up for."""
    answer = run(["apt-get", "indextargets", "--format", "$(REPO_URI)|$(RELEASE)|$(COMPONENT)", "Created-By: Packages"])
    return parse_targets(answer.stdout)


def main_source(codename: str) -> Source:
    return _find(codename, codename)


def security_source(codename: str) -> Source:
    return _find(codename, f"{codename}-security")


def transport() -> str:
    """How this machine's apt reaches its mirrors (proxies and the like), as configuration for another apt."""
    lines = run(["apt-config", "dump"]).stdout.splitlines()
    return "".join(f"{line}\n" for line in lines if line.startswith(_TRANSPORT))


class PrivateApt:
    """An apt with lists and configuration of its own, for a root folder that is not the machine's."""

    def __init__(self, home: Path, sources: list[Source]) -> None:
        self.home = home
        self.sources = sources
        for folder in ("lists/partial", "etc", "archives/partial"):
            (home / folder).mkdir(parents=True, exist_ok=True)
        (home / "sources.list").write_text("".join(source.line() for source in sources))

    def update(self) -> None:
        """Fetch the lists; a registry that does not answer is something missing, not a half-built image."""
        try:
            run(["apt-get", "-o", "APT::Update::Error-Mode=any", "update"], env=self.environment(None), limit=300)
        except CommandFailed as problem:
            raise Missing(f"no package registry answers, and the lab has to be built: {problem.said}") from problem

    def environment(self, root: Path | None) -> dict[str, str]:
        """The environment in which apt-get works on ``root``."""
        config = self.home / ("apt.conf" if root is None else "apt-root.conf")
        config.write_text(transport() + self._settings(root))
        return {"APT_CONFIG": str(config), "DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "l"}

    def _settings(self, root: Path | None) -> str:
        settings = {
            "Dir::State::lists": f"{self.home}/lists",
            "Dir::Etc::sourcelist": f"{self.home}/sources.list",
            "Dir::Etc::sourceparts": f"{self.home}/etc",
            "Dir::Etc::parts": f"{self.home}/etc",
            "Dir::Etc::preferencesparts": f"{self.home}/etc",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Cache::archives": f"{root}/var/cache/apt/archives" if root else f"{self.home}/archives",
            "Dir::Cache::pkgcache": "",
            "Dir::Cache::srcpkgcache": f"{self.home}/srcpkgcache.bin",
            "Dir::Log": f"{self.home}",
            "APT::Install-Recommends": "false",
            "APT::Keep-Downloaded-Packages": "true",
            "APT::Sandbox::User": "root",
        }
        if root is not None:
            settings["Dir::State::status"] = f"{root}/var/lib/dpkg/status"
            settings["Dir::State::extended_states"] = f"{root}/var/lib/apt/extended_states"
            settings["DPkg::Chroot-Directory"] = f"{root}"
        return "".join(f'{key} "{value}";\n' for key, value in settings.items())


def _find(codename: str, suite: str) -> Source:
    for source in machine_sources():
        if source.suite == suite:
            return source
    raise Missing(f"this machine's apt has no source for {suite} main; the lab's images are of Debian {codename}: add one to /etc/apt")
