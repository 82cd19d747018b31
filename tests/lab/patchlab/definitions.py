# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's own packages, in every version that its upstream ever publishes; pure data, one definition for .deb and .rpm."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

LEVELS = ("initial", "advanced", "next")
"""What upstream shows: 1.0 of everything; then 1.1 and Debian's security updates; then a few 1.2."""

GONE = "-gone"
SHOWN = tuple(f"{level}{end}" for level in LEVELS for end in ("", GONE))
"""Each level as it is, and as it is once upstream has dropped all versions but the newest; in the order in which time goes."""

NOWHERE = "nowhere"
"""The level of what no source ever has."""

FORMAT = 3
"""Goes up when the way of building packages changes, so that old files are not taken for new ones."""
MODULE_CONTEXT = "1ab00001"
_PAYLOAD = Path(__file__).parent / "payload"


@dataclass(frozen=True)
class Content:
    """A file in a package."""

    path: str
    text: str
    mode: int = 0o644
    config: bool = False


@dataclass(frozen=True)
class Version:
    """One version of one package: since which level, and in which of the lab's suites, it is published."""

    name: str
    version: str
    level: str = "initial"
    security: bool = False
    description: str = "package of the lab"
    change: str = "First version."
    depends: tuple[tuple[str, str], ...] = ()
    conflicts: tuple[str, ...] = ()
    replaces: str = ""
    until: str = ""
    archs: tuple[str, ...] = ("all",)
    contents: tuple[Content, ...] = ()
    post: str = ""
    post_deb: str = ""
    rpm_provides: tuple[str, ...] = ()
    rpm_contents: tuple[Content, ...] = ()

    @property
    def suite(self) -> str:
        return "lab-security" if self.security else "lab"

    @property
    def epoch(self) -> str:
        return self.version.partition(":")[0] if ":" in self.version else "0"

    @property
    def bare(self) -> str:
        """The version without its epoch, as files are named."""
        return self.version.rpartition(":")[2]

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        """What it depends on, with the relation that a bare version stands for."""
        return tuple((name, version if version.startswith((">", "<")) else f"= {version}") for name, version in self.depends)

    @property
    def file_stem(self) -> str:
        return f"{self.name}-{self.bare}"

    @property
    def label(self) -> str:
        """What rpm calls the module stream that it is a part of."""
        return ""


@dataclass(frozen=True)
class Modular(Version):
    """A package of a module stream, by ``build`` of the stream: for dnf alone, and installed where somebody enables the stream."""

    stream: str = ""
    build: int = 1

    @property
    def label(self) -> str:
        return f"{self.name}:{self.stream}:{self.build}:{MODULE_CONTEXT}"


_UNIT = """[Unit]
Description=The lab's web service
After=network.target

[Service]
ExecStart=/usr/bin/python3 /usr/lib/patchlab-web/web.py
Restart=on-failure

[Install]
WantedBy=multi-user.target
"""

_RESTART_WEB = """systemctl enable patchlab-web.service >/dev/null 2>&1 || echo "patchlab-web: not enabled" >&2
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl restart patchlab-web.service
fi
"""

_WANT_REBOOT = """touch /run/reboot-required
grep -qx patchlab-kernelish /run/reboot-required.pkgs 2>/dev/null || echo patchlab-kernelish >> /run/reboot-required.pkgs
"""

_FAIL_IF_ASKED = """if [ -e /etc/patchlab-broken.fail ]; then
  echo "patchlab-broken: told to fail by /etc/patchlab-broken.fail" >&2
  exit 1
fi
"""

_TAKE_TIME = """if [ -e /etc/patchlab-slow.seconds ]; then
  sleep "$(cat /etc/patchlab-slow.seconds)"
fi
"""

HOSTILE = ('=HYPERLINK("http://x.invalid","y") <b>bold</b><script>alert("lab")</script></script> '
           "\x1b[31mred\x1b]0;title\x07 $(touch /tmp/owned)")
"""What a web page, a spreadsheet, a terminal and a shell must each survive."""


def _web(version: str, level: str, change: str, *, security: bool = False) -> Version:
    program = (_PAYLOAD / "web.py").read_text().replace("@VERSION@", version)
    return Version(
        "patchlab-web", version, level, security, "the lab's web service", change, post=_RESTART_WEB, contents=(
            Content("/usr/lib/patchlab-web/web.py", program), Content("/usr/lib/systemd/system/patchlab-web.service", _UNIT)))


def _kernelish(version: str, level: str, change: str, *, security: bool = False, wants_reboot: bool = True) -> Version:
    """dnf and zypper are told about the reboot by files and by what the package provides, as a kernel does it."""
    name = "patchlab-kernelish"
    return Version(
        name, version, level, security, "an update of it wants a reboot", change, post_deb=_WANT_REBOOT if wants_reboot else "",
        contents=(Content("/usr/share/patchlab-kernelish/version", f"{version}\n"),), rpm_provides=("installhint(reboot-needed)",),
        rpm_contents=(Content("/etc/dnf/plugins/needs-restarting.d/patchlab.conf", f"{name}\n"),
                      Content("/etc/zypp/needreboot.d/patchlab", f"{name}\n")))


def _plain(name: str, version: str, level: str = "initial", **more: object) -> Version:
    """A package that holds nothing but its version."""
    content = (Content(f"/usr/share/{name}/version", f"{version}\n"),)
    return Version(name, version, level, contents=content, **more)  # type: ignore[arg-type]


def _app(version: str, level: str, change: str) -> Version:
    return _plain("patchlab-app", version, level, change=change, depends=(("patchlab-lib", version),), description="needs exactly its lib")


def _conf(version: str, level: str, change: str, *, security: bool = False) -> Version:
    setting = Content("/etc/patchlab-conf.conf", f"# as shipped with {version}\nversion = {version}\n", config=True)
    return Version("patchlab-conf", version, level, security, "its configuration file changes", change, contents=(setting,))


VERSIONS: tuple[Version, ...] = (
    _web("1.0", "initial", "First version."),
    _web("1.1", "advanced", "Refuse to answer what was not asked (CVE-2026-90001).", security=True),
    _web("1.2", "next", "Answer a little faster."),
    _kernelish("1.0", "initial", "First version.", wants_reboot=False),
    _kernelish("1.1", "advanced", "Close a hole (CVE-2026-90002, CVE-2026-90003); needs a reboot.", security=True),
    _plain("patchlab-lib", "1.0"),
    _plain("patchlab-lib", "1.1", "advanced", change="Mend a bug (Closes: #1)."),
    _plain("patchlab-lib", "1.2", "next", change="Mend another bug."),
    _app("1.0", "initial", "First version."),
    _app("1.1", "advanced", "Use the new lib."),
    _app("1.2", "next", "Use the newer lib."),
    _conf("1.0", "initial", "First version."),
    _conf("1.1", "advanced", "A new setting."),
    _conf("1.2", "next", "A safer setting (CVE-2026-90005).", security=True),
    _plain("patchlab-broken", "1.0", post=_FAIL_IF_ASKED),
    _plain("patchlab-broken", "1.1", "advanced", post=_FAIL_IF_ASKED, change="Fails after installation when told to."),
    _plain("patchlab-slow", "1.0", post=_TAKE_TIME),
    _plain("patchlab-slow", "1.1", "advanced", post=_TAKE_TIME, change="Takes its time."),
    _plain("patchlab-victim", "1.0"),
    _plain("patchlab-conflict", "1.0"),
    _plain("patchlab-conflict", "1.1", "advanced", conflicts=("patchlab-victim",), change="Does not get along with patchlab-victim."),
    _plain("patchlab-hostile", "1.0", description=HOSTILE),
    _plain("patchlab-hostile", "1.1", "advanced", security=True, description=HOSTILE, change=f"{HOSTILE} (CVE-2026-90004)."),
    _plain("patchlab-oldname", "1.0", until="next"),
    _plain("patchlab-newname", "2.0", "next", replaces="patchlab-oldname", change="A new name."),
    _plain("patchlab-naming", "1.0", depends=(("patchlab-oldname", "1.0"),)),
    _plain("patchlab-naming", "2.0", "next", depends=(("patchlab-newname", "2.0"),), change="Use the new name."),
    _plain("patchlab-odd", "1.0~rc1"),
    _plain("patchlab-odd", "1.0+git2", "advanced", change="No longer a candidate."),
    _plain("patchlab-odd", "1:0.9", "next", security=True, change="Back to the old line (CVE-2026-90006)."),
    _plain("patchlab-floor", "1.0"),
    _plain("patchlab-floor", "1.1", "next", change="A newer floor."),
    _plain("patchlab-onfloor", "1.0", "next", depends=(("patchlab-floor", ">= 1.1"),)),
    _plain("patchlab-multi", "1.0", archs=("amd64", "i386")),
    _plain("patchlab-multi", "1.1", "advanced", archs=("amd64", "i386"), change="For both machines."),
    _plain("patchlab-unsourced", "1.0", NOWHERE),
)



def _modular(stream: str, build: int, version: str, level: str = "initial") -> Modular:
    name = "patchlab-modular"
    return Modular(name, version, level, description="part of a module", contents=(Content(f"/usr/share/{name}/version", f"{version}\n"),),
                   stream=stream, build=build)


MODULES = (_modular("1", 1, "1.0"), _modular("1", 2, "1.1", "advanced"), _modular("2", 1, "2.0"))
"""Two streams of one module; what is not enabled is not seen by dnf."""

RELEASE_RPM = Version(
    "patchlab-release", "1", description="what this system is",
    rpm_provides=("system-release = 1", "system-release(releasever) = 1", "/bin/sh"))


def next_level(level: str) -> str:
    """The level after this one; the last is followed by itself."""
    return LEVELS[min(LEVELS.index(base_level(level)) + 1, len(LEVELS) - 1)]


def published(shown: str) -> list[Version]:
    """All that upstream has ever published up to a level; where old versions are gone, the newest that were not given up."""
    level = base_level(shown)
    found = [item for item in VERSIONS if item.level != NOWHERE and LEVELS.index(item.level) <= LEVELS.index(level)]
    return found if shown == level else _newest(found, level)


def modules(shown: str) -> list[Modular]:
    """The module streams at a level, each with all that was ever built of it, or with the newest."""
    level = base_level(shown)
    found = [item for item in MODULES if LEVELS.index(item.level) <= LEVELS.index(level)]
    return found if shown == level else list({item.stream: item for item in found}.values())


def index(shown: str, suite: str) -> list[Version]:
    """What a Debian suite lists: the newest version of each package, as the archive does."""
    return _newest([item for item in published(shown) if item.suite == suite], base_level(shown))


def _newest(items: list[Version], level: str) -> list[Version]:
    newest = {item.name: item for item in items}
    return [item for item in newest.values() if not item.until or LEVELS.index(item.until) > LEVELS.index(level)]


def base_level(shown: str) -> str:
    return shown.removesuffix(GONE)


def first(name: str) -> Version:
    """The version that hosts begin with."""
    return find(name, None)


def find(name: str, version: str | None) -> Version:
    """One version of a package; the first, when none is named."""
    for item in (*VERSIONS, RELEASE_RPM):
        if item.name == name and version in (None, item.version):
            return item
    raise KeyError(f"{name} {version or ''}".strip())


def digest() -> str:
    """Changes with every change of any package."""
    text = json.dumps([FORMAT, [asdict(item) for item in (*VERSIONS, RELEASE_RPM)]], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
