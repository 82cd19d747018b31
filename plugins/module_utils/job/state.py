# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Where jobs are kept on a host: ``/var/lib/patchtrain/jobs/<id>/``, for root alone.

========================  ==========================================================================================
``spec.json``             what was asked for; complete before the directory has its name
``program.zip``           the program that does it, laid down beside its order, because a module's payload vanishes
``begun.json``            the process that does it, with its boot; made once by whoever begins, so none begins twice
``status.json``           the phase it is in, since when
``plan.json``             the transaction it decided on, before it touches anything
``result.json``           how it ended; when this is there, the job is finished
``log``                   what the tools printed
``reserve``               room for the result on a file system that the transaction fills up; given back for it
========================  ==========================================================================================
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import tempfile
import time
from contextlib import suppress
from typing import List, Optional, Tuple

from ..errors import BadInput, NotEnoughSpace
from . import bundle
from .files import Document, canonical, create_document, read_document, replace_document, replace_file, sync_directory

DEFAULT_ROOT = "/var/lib/patchtrain"
KEEP_FINISHED = 20
_UNNAMED = ".new-"
_ABANDONED_AFTER = 3600.0
_PROGRAM_KEPT = 30 * 86400.0
_RESERVE = "reserve"
_RESERVED = 256 * 1024


def job_id(run_id: str, step: str) -> str:
    """The name of the one job that a step of a run may have on a host."""
    return hashlib.sha256(canonical([run_id, step]).encode()).hexdigest()[:16]


class Job:
    """The documents of one job's directory."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.id = os.path.basename(path.rstrip("/"))

    @property
    def unit(self) -> str:
        return "patchtrain-%s.service" % self.id

    @property
    def program(self) -> str:
        return self.file("program.zip")

    @property
    def log(self) -> str:
        return self.file("log")

    def file(self, name: str) -> str:
        return os.path.join(self.path, name)

    def exists(self) -> bool:
        return os.path.isdir(self.path)

    def spec(self) -> Document:
        spec = read_document(self.file("spec.json"))
        if spec is None:
            raise BadInput("there is no job in %s" % self.path, directory=self.path)
        return spec

    def begun(self) -> Optional[Document]:
        return read_document(self.file("begun.json"))

    def begin(self, process: Document) -> bool:
        """True for the one process that may do the work."""
        return create_document(self.file("begun.json"), process)

    def status(self) -> Optional[Document]:
        return read_document(self.file("status.json"))

    def write_status(self, status: Document) -> None:
        replace_document(self.file("status.json"), status)

    def plan(self) -> Optional[Document]:
        return read_document(self.file("plan.json"))

    def write_plan(self, plan: Document) -> None:
        replace_document(self.file("plan.json"), plan)

    def result(self) -> Optional[Document]:
        return read_document(self.file("result.json"))

    def finish(self, result: Document) -> bool:
        """Store the one result; False where there is one already, which then counts."""
        with suppress(FileNotFoundError):
            os.unlink(self.file(_RESERVE))
        return create_document(self.file("result.json"), result)


class State:
    """The state directory of a host."""

    def __init__(self, root: str = DEFAULT_ROOT) -> None:
        self.root = root
        self.jobs = os.path.join(root, "jobs")

    def prepare(self) -> None:
        """Make the directories, or make sure that they are ours alone."""
        for path in (self.root, self.jobs):
            _private_directory(path)

    def job(self, identity: str) -> Job:
        return Job(os.path.join(self.jobs, identity))

    def create(self, identity: str, spec: Document, program: bytes) -> bool:
        """Lay a job down; False where it is there already. It gets its name only when all of it is there, by a rename,
        which the system grants to one of many."""
        try:
            return self._create(identity, spec, program)
        except OSError as error:
            raise _no_room(self.jobs, error) from error

    def _create(self, identity: str, spec: Document, program: bytes) -> bool:
        temporary = tempfile.mkdtemp(dir=self.jobs, prefix=_UNNAMED)
        try:
            replace_document(os.path.join(temporary, "spec.json"), spec)
            replace_file(os.path.join(temporary, "program.zip"), program)
            # Noise, because a file system that compresses keeps no room for anything else.
            replace_file(os.path.join(temporary, _RESERVE), os.urandom(_RESERVED))
            os.rename(temporary, os.path.join(self.jobs, identity))
        except OSError:
            shutil.rmtree(temporary)
            if self.job(identity).exists():
                return False
            raise
        sync_directory(self.jobs)
        return True

    def keep_program(self, main: bundle.Main) -> str:
        """Lay the program of ``main`` down for all that is asked of the host later on; its path, which is another for another program. Those that nobody
        has laid down for a month are removed."""
        self.prepare()
        folder = os.path.join(self.root, "programs")
        _private_directory(folder)
        path = os.path.join(folder, bundle.name_of(main))
        if _modified(path) is None:
            try:
                replace_file(path, bundle.build(main))
            except OSError as error:
                raise _no_room(folder, error) from error
        os.utime(path)
        self._forget_programs(folder)
        return path

    def _forget_programs(self, folder: str) -> None:
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            when = _modified(path)
            if when is not None and time.time() - when > _PROGRAM_KEPT:
                with suppress(FileNotFoundError):
                    os.unlink(path)

    def prune(self, keep: int = KEEP_FINISHED) -> List[str]:
        """Remove all finished jobs but the newest; names what was removed."""
        finished = sorted(self._finished(), reverse=True)
        for _when, identity in finished[keep:]:
            _remove(os.path.join(self.jobs, identity))
        self._remove_abandoned()
        return [identity for _when, identity in finished[keep:]]

    def _finished(self) -> List[Tuple[float, str]]:
        """When jobs ended, and which."""
        names = [name for name in os.listdir(self.jobs) if not name.startswith(_UNNAMED)]
        times = {name: _modified(self.job(name).file("result.json")) for name in names}
        return [(when, name) for name, when in times.items() if when is not None]

    def _remove_abandoned(self) -> None:
        """A starter that was killed while it laid a job down leaves a directory without a name."""
        for name in os.listdir(self.jobs):
            path = os.path.join(self.jobs, name)
            when = _modified(path) if name.startswith(_UNNAMED) else None
            if when is not None and time.time() - when > _ABANDONED_AFTER:
                _remove(path)


def _no_room(folder: str, error: OSError) -> Exception:
    """What a full file system is told as; any other error as it is."""
    if error.errno != errno.ENOSPC:
        return error
    return NotEnoughSpace("%s has no room for a job: free some space" % folder, filesystems=[folder])


def _modified(path: str) -> Optional[float]:
    """None where the file is gone: several starters clean up at the same time."""
    try:
        return os.lstat(path).st_mtime
    except FileNotFoundError:
        return None


def _remove(path: str) -> None:
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        # Another starter removes it at this moment.
        return


def _private_directory(path: str) -> None:
    try:
        os.makedirs(path, mode=0o700)
    except FileExistsError:
        pass
    except PermissionError as error:
        raise BadInput("%s can't be made (%s): run this as root (become: true)" % (path, error.strerror), path=path) from error
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise BadInput("%s has to be a directory of uid %d: remove what is there" % (path, os.geteuid()), path=path)
    if stat.S_IMODE(found.st_mode) != 0o700:
        os.chmod(path, 0o700)
