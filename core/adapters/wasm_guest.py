"""A program of its own: runs CPython in WebAssembly under wasmtime, with its standard streams and nothing else.

    python wasm_guest.py compile MODULE COMPILED
    python wasm_guest.py run COMPILED MEMORY_MB LIFETIME_S SECCOMP_CALL FILTER PROGRAM

It is started as a file, without the rest of Cuepoint. The interpreter inside has no files, no environment, no network
and no threads, since WASI gives it none; its memory is limited by wasmtime, its time by a thread here. Before it runs,
this process takes a filter of system calls on (in base64; empty where there is none for the machine), so that a program
that broke out of WebAssembly would find itself without files, sockets and processes all the same.
"""

from __future__ import annotations

import base64
import ctypes
import os
import struct
import sys
import threading
import time
from pathlib import Path

import wasmtime

_MEMORY_EXIT = 121
_TRAP_EXIT = 122
_LIFETIME_EXIT = 123
_WATCH_S = 0.25
_NO_NEW_PRIVILEGES, _SET_FILTER, _ALL_THREADS = 38, 1, 1
_INSTRUCTION_BYTES = 8
_STACK_BYTES = 1 << 21
_PAGE_BYTES = 1 << 16


def _engine() -> wasmtime.Engine:
    config = wasmtime.Config()
    config.max_wasm_stack = _STACK_BYTES
    return wasmtime.Engine(config)


def compile_module(module: Path, compiled: Path) -> None:
    """Writes the machine code of a module; it fits this wasmtime on this kind of processor."""
    compiled.write_bytes(wasmtime.Module(_engine(), module.read_bytes()).serialize())


def seal(call: int, bpf: bytes) -> bool:
    """Takes a filter of system calls on for every thread of this process; False where the kernel has none."""
    libc = ctypes.CDLL(None, use_errno=True)
    code = ctypes.create_string_buffer(bpf, len(bpf))
    program = struct.pack("HxxxxxxP", len(bpf) // _INSTRUCTION_BYTES, ctypes.addressof(code))
    no_new_privileges = libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    return bool(no_new_privileges == 0 and libc.syscall(call, _SET_FILTER, _ALL_THREADS, program) == 0)


def run(compiled: Path, program: str, *, memory_mb: int, lifetime_s: float, call: int, bpf: bytes) -> int:
    """Runs a Python program until it ends; returns its exit code."""
    _limit_this_process(lifetime_s)
    engine = _engine()
    module = wasmtime.Module.deserialize_file(engine, str(compiled))
    store = wasmtime.Store(engine)
    store.set_limits(memory_size=memory_mb << 20, instances=1, memories=1)
    streams = wasmtime.WasiConfig()
    streams.argv = ["python", "-I", "-S", "-c", program]
    streams.inherit_stdin()
    streams.inherit_stdout()
    streams.inherit_stderr()
    store.set_wasi(streams)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    instance = linker.instantiate(store, module)
    exports = instance.exports(store)
    start, memory = exports["_start"], exports["memory"]
    if not isinstance(start, wasmtime.Func) or not isinstance(memory, wasmtime.Memory):
        raise TypeError("the module is no WASI program")
    if bpf:
        seal(call, bpf)
    try:
        start(store)
    except wasmtime.ExitTrap as error:
        return error.code
    except wasmtime.Trap as error:
        sys.stderr.write(f"The interpreter was ended: {str(error).splitlines()[0]}\n")
        is_full = memory.data_len(store) > (memory_mb << 20) - 16 * _PAGE_BYTES
        return _MEMORY_EXIT if is_full else _TRAP_EXIT
    return 0


def _limit_this_process(lifetime_s: float) -> None:
    """Ends this process in time, also when the one that started it is gone, and takes from it what it does not need."""
    parent, deadline = os.getppid(), time.monotonic() + lifetime_s

    def watch() -> None:
        while time.monotonic() < deadline and os.getppid() == parent:
            time.sleep(_WATCH_S)
        os._exit(_LIFETIME_EXIT)

    threading.Thread(target=watch, daemon=True).start()
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CPU, int(lifetime_s) + 1),
    ):
        resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    if sys.argv[1] == "compile":
        compile_module(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        place, most_mb, life_s, number, filter_, text = sys.argv[2:]
        code = run(
            Path(place), text, memory_mb=int(most_mb), lifetime_s=float(life_s), call=int(number),
            bpf=base64.b64decode(filter_),
        )  # fmt: skip
        sys.stderr.flush()
        os._exit(code & 0xFF)
