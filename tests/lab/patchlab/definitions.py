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

FORMAT = 2
"""Goes up when the way of building packages changes, so that old files are not taken for new ones."""
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
    contents: tuple[Content, ...] = ()
    post: str = ""
    post_deb: str = ""
    rpm_provides: tuple[str, ...] = ()
    rpm_contents: tuple[Content, ...] = ()

    @property
    def suite(self) -> str:
        return "lab-security" if self.security else "lab"


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


def _conf(version: str, level: str, change: str) -> Version:
    setting = Content("/etc/patchlab-conf.conf", f"# as shipped with {version}\nversion = {version}\n", config=True)
    return Version("patchlab-conf", version, level, description="its configuration file changes", change=change, contents=(setting,))


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
    _plain("patchlab-broken", "1.0", post=_FAIL_IF_ASKED),
    _plain("patchlab-broken", "1.1", "advanced", post=_FAIL_IF_ASKED, change="Fails after installation when told to."),
    _plain("patchlab-slow", "1.0", post=_TAKE_TIME),
    _plain("patchlab-slow", "1.1", "advanced", post=_TAKE_TIME, change="Takes its time."),
    _plain("patchlab-victim", "1.0"),
    _plain("patchlab-conflict", "1.0"),
    _plain("patchlab-conflict", "1.1", "advanced", conflicts=("patchlab-victim",), change="Does not get along with patchlab-victim."),
    _plain("patchlab-hostile", "1.0", description=HOSTILE),
    _plain("patchlab-hostile", "1.1", "advanced", security=True, description=HOSTILE, change=f"{HOSTILE} (CVE-2026-90004)."),
)

RELEASE_RPM = Version(
    "patchlab-release", "1", description="what this system is",
    rpm_provides=("system-release = 1", "system-release(releasever) = 1", "/bin/sh"))


def next_level(level: str) -> str:
    """The level after this one; the last is followed by itself."""
    return LEVELS[min(LEVELS.index(level) + 1, len(LEVELS) - 1)]


def published(level: str) -> list[Version]:
    """All that upstream has ever published up to a level."""
    return [item for item in VERSIONS if LEVELS.index(item.level) <= LEVELS.index(level)]


def index(level: str, suite: str) -> list[Version]:
    """What a Debian suite lists: the newest version of each package, as the archive does."""
    newest = {item.name: item for item in published(level) if item.suite == suite}
    return list(newest.values())


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
