# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The program of a job: these very sources as one zip that the host's Python runs (``python -I -S program.zip``).

A module's own payload is gone when the module ends, and a job outlives it; so the sources that came with the module are
packed again, from the zip that Ansible sent or from plain files. They keep their places below one package, so that their
relative imports hold. Only standard library is in there, hence ``-I -S``: nothing that is installed on the host can get in.

Beside each source lies what the host's Python makes of it, so that it is not made anew at each start. A Python that does not know it, because it
was updated meanwhile, takes the source.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import marshal
import os
import sys
import zipfile
import zipimport
from typing import Callable, Dict, Iterator, Sequence, Tuple

PACKAGE = "patchtrain"
ISOLATED = ("-I", "-S", "-B")
_OURS = __name__.rsplit(".", 2)[0]
_WHEN = (1980, 1, 1, 0, 0, 0)

Main = Callable[[Sequence[str]], int]


def build(main: Main) -> bytes:
    """A zip of ``module_utils`` that calls ``main`` with the arguments and ends with what it returns. ``main`` is passed
    in, so that whoever builds a program has imported it: Ansible sends only what is imported. A program gives itself."""
    loader = getattr(sys.modules[__name__], "__loader__", None)
    if isinstance(loader, zipimport.zipimporter) and __name__.startswith(PACKAGE + "."):
        with open(loader.archive, "rb") as handle:
            return handle.read()
    return pack(sources(), main.__module__, main.__name__)


def sources() -> Dict[str, bytes]:
    """Our modules by their path below ``module_utils``."""
    loader = getattr(sys.modules[__name__], "__loader__", None)
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    found = _from_zip(loader.archive, here) if isinstance(loader, zipimport.zipimporter) else _from_files(here)
    return dict(sorted(found))


def pack(modules: Dict[str, bytes], module: str, function: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in sorted(modules.items()):
            name = "%s/%s" % (PACKAGE, path)
            archive.writestr(_entry(name), text)
            archive.writestr(_entry(name + "c"), _compiled(name, text))
        archive.writestr(_entry("__main__.py"), _main_text(module, function))
    return buffer.getvalue()


def name_of(main: Main) -> str:
    """How the program is called where it is kept: the same for the same sources under the same Python. To make it takes far longer than to name it."""
    texts = hashlib.sha256(_main_text(main.__module__, main.__name__).encode())
    for path, text in sources().items():
        texts.update(b"%s %d " % (path.encode(), len(text)) + text)
    return "%s-%s.zip" % (texts.hexdigest()[:16], sys.implementation.cache_tag)


def _compiled(name: str, text: bytes) -> bytes:
    """As PEP 552 has it: by the source's hash, which nobody checks, because both lie in one file that is never changed."""
    code = compile(text, "program.zip/" + name, "exec", dont_inherit=True)
    return importlib.util.MAGIC_NUMBER + b"\x01\0\0\0" + importlib.util.source_hash(text) + marshal.dumps(code)


def _from_zip(archive: str, here: str) -> Iterator[Tuple[str, bytes]]:
    prefix = os.path.relpath(here, archive) + "/"
    with zipfile.ZipFile(archive) as opened:
        for name in opened.namelist():
            if name.startswith(prefix) and name.endswith(".py"):
                yield name[len(prefix):], opened.read(name)


def _from_files(here: str) -> Iterator[Tuple[str, bytes]]:
    for folder, _folders, names in os.walk(here):
        for name in names:
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                with open(path, "rb") as handle:
                    yield os.path.relpath(path, here), handle.read()


def _entry(name: str) -> zipfile.ZipInfo:
    # A fixed time makes equal sources an equal program, and is one that hosts with a wrong clock can write.
    entry = zipfile.ZipInfo(name, _WHEN)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _main_text(module: str, function: str) -> str:
    inside = module[len(_OURS):] if module.startswith(_OURS + ".") else "." + module
    return "import sys\nfrom %s%s import %s\nsys.exit(%s(sys.argv[1:]))\n" % (PACKAGE, inside, function, function)
