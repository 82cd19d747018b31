# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building images, once: each lies in the cache under the hash of its recipe and is never changed again."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Callable, Sequence

from .aptsource import PrivateApt, main_source, transport
from .definitions import first
from .errors import CommandFailed, Missing
from .paths import CHECKOUT, cache_home
from .pool import Pool
from .preflight import BUILD_TOOLS, Machine, require_tools
from .recipes import RECIPES, Recipe, image_key, lineage
from .shell import run
from .signing import public_key
from .state import locked

_BUILD_LIMIT = 1200.0
Say = Callable[[str], None]


class ImageStore:
    """The images of this machine, built when first asked for."""

    def __init__(self, machine: Machine, pool: Pool, say: Say, upstream: Path | None = None) -> None:
        self.machine = machine
        self.pool = pool
        self.say = say
        self.upstream = upstream
        self.home = cache_home() / "images"

    def layers(self, name: str) -> list[Path]:
        """The trees of an image, topmost first, all built."""
        with locked(self.home / "lock"):
            return [self._layer(recipe) for recipe in reversed(lineage(name))][::-1]

    def folder(self, name: str) -> Path:
        level = RECIPES[name].level
        upstream = fingerprint(self._level(level)) if level else ""
        return self.home / image_key(name, self.machine.codename, self.machine.arch, self.pool.digest, upstream)

    def _level(self, level: str) -> Path:
        """An image at a level can be built when upstream is there, which is made for the images without one."""
        assert self.upstream is not None, f"upstream is not built, and an image at level {level} is asked for"
        return self.upstream / level

    def _layer(self, recipe: Recipe) -> Path:
        folder = self.folder(recipe.name)
        if not folder.exists():
            self._build(recipe, folder)
        return folder / "tree"

    def _build(self, recipe: Recipe, folder: Path) -> None:
        """Beside its place and then renamed: an image is there whole or not at all."""
        require_tools(BUILD_TOOLS)
        self.say(f"building image {recipe.name} (once; kept in {self.home})")
        part = Path(tempfile.mkdtemp(prefix=f".part-{recipe.name}-", dir=self.home))
        part.chmod(0o755)
        try:
            if recipe.parent is None:
                self._bootstrap(recipe, part)
            self._dress(recipe, part, folder)
            part.rename(folder)
        finally:
            if part.exists():
                shutil.rmtree(part)

    def _bootstrap(self, recipe: Recipe, part: Path) -> None:
        source = main_source(self.machine.codename)
        options = part / "apt.conf"
        options.write_text(transport() + 'APT::Keep-Downloaded-Packages "true";\n')
        try:
            run(["mmdebstrap", "--quiet", "--variant=minbase", "--skip=essential/unlink,cleanup/apt/cache", f"--aptopt={options}",
                 f"--include={','.join(recipe.debian)}", self.machine.codename, part / "tree", "-"],
                stdin=source.line(), limit=_BUILD_LIMIT)
        except CommandFailed as problem:
            raise Missing(f"the base image could not be built; does {source.uri} answer? {problem.said}") from problem
        (part / "tree/etc/apt/apt.conf.d/99mmdebstrap").unlink(missing_ok=True)

    def _dress(self, recipe: Recipe, part: Path, folder: Path) -> None:
        """Everything above a bare system, in a process with mounts of its own."""
        parents = [] if recipe.parent is None else [self.folder(item.name) for item in lineage(recipe.parent)]
        (part / "debs").mkdir()
        _offer(recipe, self.pool, part / "lab")
        spec = {
            "tree": str(part / "tree"), "parents": [str(parent / "tree") for parent in parents], "scratch": str(part / "scratch"),
            "debian": [] if recipe.parent is None else list(recipe.debian), "codename": self.machine.codename,
            "manager": recipe.manager, "lab": list(recipe.lab), "offer": str(part / "lab"), "keep": str(part / "debs"),
            "files": [list(item) for item in recipe.files], "commands": [list(command) for command in recipe.commands],
            "level": str(self._level(recipe.level)) if recipe.level else "", "keyring": str(public_key()),
        }
        (part / "spec.json").write_text(json.dumps(spec))
        own_python("patchlab.layer", part / "spec.json", limit=_BUILD_LIMIT)
        for left in ("scratch", "lab"):
            shutil.rmtree(part / left, ignore_errors=True)
        status = Path("tree/var/lib/dpkg/status")
        (part / "status").write_text(str(folder / status) if (part / status).exists() else (parents[0] / "status").read_text())


def fingerprint(level: Path) -> str:
    """Upstream made anew may have newer updates of Debian; what was brought to it is then another image."""
    lists = sorted(level.glob("*/dists/*/main/binary-*/Packages"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in lists)).hexdigest()


def _offer(recipe: Recipe, pool: Pool, folder: Path) -> None:
    """The packages that the image starts with, for rpm as a repository, so that dnf and zypper know why each is installed."""
    folder.mkdir()
    for name in recipe.lab:
        source = pool.deb(first(name)) if recipe.manager == "dpkg" else pool.rpm(first(name))
        shutil.copy(source, folder)
    if recipe.manager != "dpkg":
        run(["createrepo_c", "--quiet", "--error-exit-val", folder])


def own_python(module: str, *arguments: str | Path, limit: float) -> None:
    """Run a module of this program in a mount namespace of its own."""
    run([*private_mounts(), *python_module(module, *arguments)], env=python_environment(), limit=limit)


def private_mounts() -> list[str]:
    return ["unshare", "--mount", "--propagation", "private"]


def python_module(module: str, *arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", module, *map(str, arguments)]


def python_environment() -> dict[str, str]:
    return {"PYTHONPATH": str(CHECKOUT / "tests" / "lab")}


def prepare_lists(home: Path, codename: str) -> PrivateApt:
    """An apt that knows the main suite alone."""
    apt = PrivateApt(home, [main_source(codename)])
    apt.update()
    return apt


def remove_unused(home: Path, keep: Sequence[Path]) -> list[Path]:
    """Remove what interrupted builds left, and return it."""
    left = [path for path in home.glob(".part-*") if path not in keep]
    for path in left:
        shutil.rmtree(path)
    return left
