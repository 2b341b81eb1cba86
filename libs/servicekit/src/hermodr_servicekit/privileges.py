"""What a service that root starts does without. It stays root by name, as its files may be root's; but of root's
capabilities it keeps those that its process for templates needs to leave root and the network (`confinement.py`), that
to end this process, and that to listen at a low port."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS, _PR_CAPBSET_READ, _PR_CAPBSET_DROP = 4, 38, 23, 24
_VERSION_3 = 0x20080522
_READ_ANY_FILE, _KILL, _SETGID, _SETUID, _BIND_LOW_PORT, _SYS_ADMIN = 2, 5, 6, 7, 10, 21
_KEPT = frozenset({_KILL, _SETGID, _SETUID, _BIND_LOW_PORT, _SYS_ADMIN})
_HIGHEST = 63
_NAMES = {
    _READ_ANY_FILE: "dac_read_search",
    _KILL: "kill",
    _SETGID: "setgid",
    _SETUID: "setuid",
    _BIND_LOW_PORT: "net_bind_service",
    _SYS_ADMIN: "sys_admin",
}


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def give_up() -> None:
    """No way to more rights; as root no capability but a few, for this process and all that it starts; and closed to
    others. To be called before any thread is started. What the system does not allow is left out."""
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None, use_errno=True)
    library.prctl(*map(ctypes.c_ulong, (_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)))
    if os.geteuid() == 0:
        _keep(library, _needed(library))
    close_to_others()


def close_to_others() -> None:
    """Other processes of the same user, such as those a task starts, cannot read our environment and memory, nor trace
    us (root can), and there is no core dump. What we start is open again, once it runs another program."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(*map(ctypes.c_ulong, (_PR_SET_DUMPABLE, 0, 0, 0, 0)))


def held() -> list[str]:
    """The capabilities of this process, by name or number."""
    if not sys.platform.startswith("linux"):
        return []
    return [_NAMES.get(each, str(each)) for each in sorted(_permitted(ctypes.CDLL(None)))]


def _needed(library: ctypes.CDLL) -> frozenset[int]:
    """Root may have been given a program that it can read by its capabilities only."""
    _set(library, effective=_KEPT)
    try:
        for place in (__file__, os.__file__):
            Path(place).open("rb").close()
    except PermissionError:
        return _KEPT | {_READ_ANY_FILE}
    finally:
        _set(library, effective=_permitted(library))
    return _KEPT


def _keep(library: ctypes.CDLL, kept: frozenset[int]) -> None:
    for number in range(_HIGHEST + 1):
        if (
            number not in kept
            and library.prctl(*map(ctypes.c_ulong, (_PR_CAPBSET_READ, number, 0, 0, 0))) == 1
        ):
            library.prctl(*map(ctypes.c_ulong, (_PR_CAPBSET_DROP, number, 0, 0, 0)))
    _set(library, effective=kept, permitted=kept)


def _permitted(library: ctypes.CDLL) -> frozenset[int]:
    sets = _sets(library)
    return frozenset(
        32 * half + bit for half in (0, 1) for bit in range(32) if sets[half].permitted >> bit & 1
    )


def _sets(library: ctypes.CDLL) -> ctypes.Array[_Sets]:
    header, sets = _Header(_VERSION_3, 0), (_Sets * 2)()
    library.capget(ctypes.byref(header), sets)
    return sets


def _set(library: ctypes.CDLL, *, effective: frozenset[int], permitted: frozenset[int] | None = None) -> None:
    """Never more than is permitted; nothing is left to inherit."""
    may = _permitted(library)
    permitted = may if permitted is None else permitted & may
    header, sets = _Header(_VERSION_3, 0), (_Sets * 2)()
    for half in (0, 1):
        sets[half].permitted = _bits(permitted, half)
        sets[half].effective = _bits(effective & permitted, half)
    library.capset(ctypes.byref(header), sets)


def _bits(numbers: frozenset[int], half: int) -> int:
    return sum(1 << number % 32 for number in numbers if number // 32 == half)
