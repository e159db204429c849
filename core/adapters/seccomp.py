"""Filters of system calls: no new process, no socket, no look at another process; sealed, no file either.

They refuse what a program that computes has no use for and leave the rest, so they need not change with each release of
Python or of the C library. x86-64 and arm64; the numbers are those of the kernel's tables.
"""

from __future__ import annotations

import platform
import struct
from dataclasses import dataclass

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
"""BPF: load a word of the call, jump if equal, if not less, if a bit is set; return."""
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
"""Offsets in struct seccomp_data."""
_ALLOW, _KILL, _NOT_PERMITTED, _NOT_THERE = 0x7FFF0000, 0x80000000, 0x00050000 | 1, 0x00050000 | 38
_CLONE_THREAD = 0x00010000
_X32 = 0x40000000
"""Numbers from here on are the same calls by another name."""


@dataclass(frozen=True, slots=True)
class _Table:
    architecture: int
    clone: int
    clone3: int
    seccomp: int
    """The call by which a process takes a filter on."""
    refused: tuple[int, ...]
    files: tuple[int, ...]
    """Opening, making, moving and changing files, other programs, and signals."""


_NEW_CALLS = (424, 425, 426, 427, 428, 429, 430, 431, 432, 433, 434, 438, 442, 447)
"""The same on every architecture: pidfd_*, io_uring_*, open_tree, move_mount, fs*, mount_setattr, memfd_secret."""
_X86_64 = _Table(
    0xC000003E, clone=56, clone3=435, seccomp=317,
    refused=(
        57, 58, 322,                                    # fork, vfork, execveat
        41, 42, 43, 49, 50, 288,                        # socket, connect, accept, bind, listen
        101, 310, 311, 312,                             # ptrace, process_vm_readv, process_vm_writev, kcmp
        272, 308, 161, 155, 165, 166,                   # unshare, setns, chroot, pivot_root, mount, umount2
        29, 30, 31, 64, 68, 240, 319,                   # memory and queues that outlive or escape the limits
        248, 249, 250, 298, 300, 303, 304, 321, 323,    # keys, perf, fanotify, handles, bpf, userfaultfd
        135, 153, 154, 163, 164, 167, 168, 169, 170, 171, 172, 173, 175, 176,
        179, 227, 246, 305, 313, 320,                   # the machine as a whole
        *_NEW_CALLS,
    ),
    files=(
        2, 85, 257, 437,                                # open, creat, openat, openat2
        59, 62, 200, 234,                               # execve, kill, tkill, tgkill
        76, 77, 82, 83, 84, 86, 87, 88, 133,            # truncate, rename, mkdir, rmdir, link, unlink, symlink, mknod
        258, 259, 263, 264, 265, 266, 316,              # the same relative to a folder
        90, 91, 92, 93, 94, 260, 268, 452,              # rights and owners
    ),
)  # fmt: skip
_ARM64 = _Table(
    0xC00000B7, clone=220, clone3=435, seccomp=277,
    refused=(
        281,
        198, 200, 201, 202, 203, 242,
        117, 270, 271, 272,
        97, 268, 51, 41, 40, 39,
        194, 195, 196, 190, 186, 180, 279,
        217, 218, 219, 241, 262, 264, 265, 280, 282,
        92, 58, 89, 170, 224, 225, 142, 161, 162, 105, 106, 60, 112, 104, 266, 273, 294,
        *_NEW_CALLS,
    ),
    files=(
        56, 437,
        221, 129, 130, 131,
        45, 46,
        33, 34, 35, 36, 37, 38, 276,
        52, 53, 54, 55, 452,
    ),
)  # fmt: skip
_TABLES = {"x86_64": _X86_64, "amd64": _X86_64, "aarch64": _ARM64, "arm64": _ARM64}


def is_known(machine: str | None = None) -> bool:
    """Whether there is a filter for this machine, or for the one that is named."""
    return (machine or platform.machine()).lower() in _TABLES


def taking_call(machine: str | None = None) -> int:
    """The number of the system call ``seccomp``. Raises KeyError for other machines."""
    return _TABLES[(machine or platform.machine()).lower()].seccomp


def compute_only(machine: str | None = None, *, sealed: bool = False) -> bytes:
    """The filter as the kernel takes it: BPF instructions of eight bytes each.

    ``sealed`` is for a process that has all it needs: it opens no file any more and starts no program. Raises KeyError
    for other machines.
    """
    table = _TABLES[(machine or platform.machine()).lower()]
    calls = (*table.refused, *table.files) if sealed else table.refused
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, table.architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _KILL),
        (_EQUAL, 0, 1, table.clone3),
        (_RETURN, 0, 0, _NOT_THERE),  # the C library then uses clone, whose flags can be seen
        (_EQUAL, 0, 4, table.clone),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_ANY_BIT, 0, 1, _CLONE_THREAD),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _NOT_PERMITTED),
        *((_EQUAL, len(calls) - position, 0, call) for position, call in enumerate(calls)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _NOT_PERMITTED),
    ]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
