"""What a process gives up before it computes what strangers wrote. What the system does not allow is left out."""

from __future__ import annotations

import ctypes
import os
import pwd
import resource
from collections.abc import Callable
from pathlib import Path

_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000


def confine(memory: int) -> list[str]:
    """At most `memory` octets, no file to write, no core, no network, no way to more rights, and not root where the
    program can still be read. Returns the steps that were done, in their order; to be called before any thread is
    started."""
    steps: dict[str, Callable[[], None]] = {
        "memory": lambda: resource.setrlimit(resource.RLIMIT_AS, (memory, memory)),
        "files": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
        "core": lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
        "network": _leave_network,
        "user": _leave_root,
        "rights": _no_new_rights,
    }
    return [name for name, step in steps.items() if _done(step)]


def _done(step: Callable[[], None]) -> bool:
    try:
        step()
    except (ValueError, OSError, KeyError, AttributeError):
        return False
    return True


def _leave_network() -> None:
    """Into a network without any interface. Without root's rights that takes a user namespace, too."""
    _asked("unshare", _CLONE_NEWNET if os.geteuid() == 0 else _CLONE_NEWUSER | _CLONE_NEWNET)


def _leave_root() -> None:
    """Becomes `nobody`. Stays root where nobody could not read the program, whose parts are imported when needed."""
    if os.geteuid() != 0:
        return
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setresgid(nobody.pw_gid, nobody.pw_gid, 0)
    os.setresuid(nobody.pw_uid, nobody.pw_uid, 0)
    if not all(os.access(place, os.R_OK) for place in (__file__, os.__file__, Path(ctypes.__file__).parent)):
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)
        raise PermissionError("nobody cannot read the program")
    os.setresuid(0, 0, 0)
    os.setresgid(nobody.pw_gid, nobody.pw_gid, nobody.pw_gid)
    os.setresuid(nobody.pw_uid, nobody.pw_uid, nobody.pw_uid)


def _no_new_rights() -> None:
    _asked("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _asked(call: str, *arguments: int) -> None:
    """Raises `OSError`, and `AttributeError` where the system has no such call."""
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, call)(*(ctypes.c_ulong(each) for each in arguments)):
        raise OSError(ctypes.get_errno(), call)
