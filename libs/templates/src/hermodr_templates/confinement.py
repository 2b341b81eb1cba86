"""What a process gives up before it computes what strangers wrote. What the system does not allow is left out."""

from __future__ import annotations

import ctypes
import errno
import os
import pwd
import resource
from collections.abc import Callable

_PR_SET_NO_NEW_PRIVS, _PR_CAPBSET_DROP = 38, 24
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_CAPABILITIES_VERSION_3 = 0x20080522
_STRANGERS = range(61184, 65520)
"""User ids that nobody has: systemd, too, gives these to processes for a while."""


def confine(memory: int) -> list[str]:
    """At most `memory` octets, no file to write, no core, no network, no way to more rights, and not root. Afterwards
    the program's files may be closed to it: what it needs has to be loaded. Returns the steps that were done, in their
    order; to be called before any thread is started."""
    steps: dict[str, Callable[[], None]] = {
        "memory": lambda: resource.setrlimit(resource.RLIMIT_AS, (memory, memory)),
        "files": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
        "core": lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
        "network": _leave_network,
        "rights": _no_new_rights,
        "capabilities": _bound_capabilities,
        "user": _leave_root,
        "privileges": _drop_capabilities,
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
    """Becomes a user of its own, or `nobody` where there is no such number: servers of ours may run as `nobody`."""
    if os.geteuid() != 0:
        return
    os.setgroups([])
    own = _STRANGERS[os.getpid() % len(_STRANGERS)]
    try:
        _become(own, own)
    except OSError:
        nobody = pwd.getpwnam("nobody")
        _become(nobody.pw_uid, nobody.pw_gid)


def _become(user: int, group: int) -> None:
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)


def _bound_capabilities() -> None:
    """No program that it might start gets any."""
    for capability in range(64):
        try:
            _asked("prctl", _PR_CAPBSET_DROP, capability, 0, 0, 0)
        except OSError as error:
            if error.errno == errno.EINVAL:  # the system knows no more of them
                return
            raise


def _drop_capabilities() -> None:
    """Those that it has, be it still root or in a namespace of its own."""
    head = (ctypes.c_uint32 * 2)(_CAPABILITIES_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None, use_errno=True).capset(head, none):
        raise OSError(ctypes.get_errno(), "capset")


def _no_new_rights() -> None:
    _asked("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _asked(call: str, *arguments: int) -> None:
    """Raises `OSError`, and `AttributeError` where the system has no such call."""
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, call)(*(ctypes.c_ulong(each) for each in arguments)):
        raise OSError(ctypes.get_errno(), call)
