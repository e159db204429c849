"""bubblewrap is taken where it is there, and its filter of system calls is well formed."""

from __future__ import annotations

import shutil
import struct
import sys

import pytest

from core.adapters import bubblewrap, seccomp
from core.adapters.bubblewrap import BubblewrapJail
from core.errors import SandboxUnavailable


def decide(program: bytes, architecture: int, number: int, first_argument: int = 0) -> int:
    """What the filter answers to a call: the kernel's little machine, as far as the filter uses it."""
    words = {0: number, 4: architecture, 16: first_argument}
    instructions = list(struct.iter_unpack("=HBBI", program))
    place = loaded = 0
    while True:
        operation, if_true, if_false, value = instructions[place]
        place += 1
        if operation == 0x06:
            return value
        if operation == 0x20:
            loaded = words[value]
            continue
        holds = {0x15: loaded == value, 0x35: loaded >= value, 0x45: bool(loaded & value)}[operation]
        place += if_true if holds else if_false


ALLOWED, KILLED, REFUSED, UNKNOWN = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
X86_64 = {"read": 0, "mmap": 9, "execve": 59, "socketpair": 53, "futex": 202, "getrandom": 318, "exit_group": 231}
X86_64_REFUSED = {"fork": 57, "vfork": 58, "socket": 41, "ptrace": 101, "unshare": 272, "mount": 165, "bpf": 321,
                  "memfd_create": 319, "pidfd_open": 434, "io_uring_setup": 425, "kexec_file_load": 320}  # fmt: skip
ARM64 = {"read": 63, "mmap": 222, "execve": 221, "socketpair": 199, "futex": 98, "getrandom": 278}
ARM64_REFUSED = {"socket": 198, "ptrace": 117, "unshare": 97, "mount": 40, "bpf": 280, "memfd_create": 279}
MACHINES = [
    ("x86_64", 0xC000003E, X86_64, X86_64_REFUSED, 56), ("aarch64", 0xC00000B7, ARM64, ARM64_REFUSED, 220),
]  # fmt: skip


@pytest.mark.parametrize(("machine", "architecture", "allowed", "refused", "clone"), MACHINES)
def test_the_filter_refuses_processes_and_sockets_and_lets_programs_compute(
    machine: str, architecture: int, allowed: dict[str, int], refused: dict[str, int], clone: int
) -> None:
    program = seccomp.compute_only(machine)
    assert {decide(program, architecture, number) for number in allowed.values()} == {ALLOWED}
    assert {decide(program, architecture, number) for number in refused.values()} == {REFUSED}
    assert decide(program, architecture, clone, 0x00010000 | 0x100) == ALLOWED, "a thread"
    assert decide(program, architecture, clone, 17) == REFUSED, "a process"
    assert decide(program, architecture, 435) == UNKNOWN, "clone3, whose flags cannot be seen"


@pytest.mark.parametrize(("machine", "architecture", "allowed", "refused", "clone"), MACHINES)
def test_a_sealed_filter_refuses_files_and_programs_as_well(
    machine: str, architecture: int, allowed: dict[str, int], refused: dict[str, int], clone: int
) -> None:
    program = seccomp.compute_only(machine, sealed=True)
    openat, kill = {"x86_64": (257, 62), "aarch64": (56, 129)}[machine]
    assert {decide(program, architecture, number) for number in (openat, kill, allowed["execve"])} == {REFUSED}
    assert {decide(program, architecture, number) for number in refused.values()} == {REFUSED}
    assert {decide(program, architecture, allowed[name]) for name in ("read", "mmap", "futex")} == {ALLOWED}
    assert decide(program, architecture, clone, 0x00010000) == ALLOWED


@pytest.mark.parametrize(("machine", "architecture"), [row[:2] for row in MACHINES])
def test_calls_by_another_architecture_end_the_process(machine: str, architecture: int) -> None:
    program = seccomp.compute_only(machine)
    assert decide(program, 0x40000003, 1) == KILLED
    assert decide(program, architecture, 0x40000000 | 41) == KILLED


def test_every_jump_of_the_filter_fits_in_a_byte() -> None:
    for table in seccomp._TABLES.values():
        calls = (*table.refused, *table.files)
        assert len(calls) < 255
        assert len(set(calls)) == len(calls)


def test_without_the_program_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(bubblewrap, "is_known", lambda: True)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(SandboxUnavailable) as caught:
        BubblewrapJail.open()
    assert str(caught.value) == (
        "bubblewrap is not installed. Install bubblewrap (Debian, Ubuntu: apt-get install bubblewrap)"
    )


def test_other_systems_and_processors_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(bubblewrap, "is_known", lambda: seccomp.is_known("riscv64"))
    with pytest.raises(SandboxUnavailable, match="no filter of system calls"):
        BubblewrapJail.open()
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxUnavailable, match="Linux only"):
        BubblewrapJail.open()
