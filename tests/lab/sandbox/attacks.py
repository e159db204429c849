"""What generated code might try, as functions that return ``reached`` where it succeeds.

The text is run as a solution, with PORT, SECRET_FILE, FOLDER and VICTIM put before it. Nothing here is generated: the
tests also run some of it without a sandbox, to see that it does reach what it aims at.
"""

import ast

ATTACKS = """
import os, sys


def reads_a_secret_file():
    return "reached" if "token" in open(SECRET_FILE).read() else ""


def reads_it_by_going_up():
    return "reached" if "token" in open("../" * 40 + SECRET_FILE).read() else ""


def reads_it_through_a_link():
    link = os.path.join(FOLDER, "link")
    os.symlink(SECRET_FILE, link)
    return "reached" if "token" in open(link).read() else ""


def reads_it_by_a_file_descriptor():
    folder = os.open(FOLDER, os.O_RDONLY)
    file = os.open(os.path.basename(SECRET_FILE), os.O_RDONLY, dir_fd=folder)
    return "reached" if b"token" in os.read(file, 100) else ""


def finds_the_folder_by_walking():
    for root in ("/", os.getcwd(), *sys.path):
        for folder, _, names in os.walk(root):
            if os.path.basename(SECRET_FILE) in names:
                return "reached"
            if folder.count("/") > 8:
                break


def reads_passwd():
    return "reached" if "root" in open("/etc/passwd").read() else ""


def reads_shadow():
    return "reached" if "root" in open("/etc/shadow").read() else ""


def reads_the_environment():
    return "reached" if any("token" in value for value in os.environ.values()) else ""


def reads_its_environment_from_proc():
    return "reached" if b"token" in open("/proc/self/environ", "rb").read() else ""


def reads_the_environment_of_the_first_process():
    return "reached" if open("/proc/1/environ", "rb").read() else ""


def reads_the_environment_of_another_process():
    return "reached" if b"token" in open(f"/proc/{VICTIM}/environ", "rb").read() else ""


def reads_the_memory_of_another_process():
    return "reached" if open(f"/proc/{VICTIM}/mem", "rb") else ""


def lists_processes():
    return "reached" if str(VICTIM) in os.listdir("/proc") else ""


def reads_other_file_descriptors():
    for number in range(3, 256):
        try:
            if os.read(number, 1):
                return "reached"
        except OSError:
            pass


def overwrites_a_file():
    with open(SECRET_FILE, "w") as file:
        file.write("gone")
    return "reached"


def appends_to_a_file():
    with open(SECRET_FILE, "a") as file:
        file.write("more")
    return "reached"


def makes_a_file():
    open(os.path.join(FOLDER, "new"), "w").close()
    return "reached"


def makes_a_file_in_the_temporary_folder():
    import tempfile
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"x")
        file.flush()
    return "reached"


def makes_a_file_in_shared_memory():
    open("/dev/shm/cuepoint-attack", "w").close()
    os.remove("/dev/shm/cuepoint-attack")
    return "reached"


def makes_a_huge_file():
    for folder in (FOLDER, "/tmp", "/dev/shm", "/var/tmp", os.getcwd(), "/"):
        try:
            with open(os.path.join(folder, "huge"), "wb") as file:
                file.truncate(100 << 30)
            os.remove(os.path.join(folder, "huge"))
            return "reached"
        except OSError:
            pass


def deletes_a_file():
    os.remove(SECRET_FILE)
    return "reached"


def renames_the_folder():
    os.rename(FOLDER, FOLDER + "-moved")
    return "reached"


def changes_rights():
    os.chmod(SECRET_FILE, 0o777)
    return "reached" if os.stat(SECRET_FILE).st_mode & 0o777 == 0o777 else ""


def changes_the_standard_library():
    with open(os.__file__, "a") as file:
        file.write("# changed")
    return "reached"


def deletes_its_own_interpreter():
    os.remove(sys.executable or "/usr/local/bin/python3")
    return "reached"


def connects():
    import socket
    with socket.create_connection(("127.0.0.1", PORT), timeout=2):
        return "reached"


def connects_over_ipv6():
    import socket
    with socket.create_connection(("::1", PORT), timeout=2):
        return "reached"


def asks_a_web_server():
    import urllib.request
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/", timeout=2) as answer:
        return "reached"


def listens():
    import socket
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
    return "reached"


def talks_to_a_local_service():
    import socket
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as service:
        service.bind("\\0cuepoint-attack")
    return "reached"


def resolves_a_name():
    import socket
    return "reached" if socket.getaddrinfo("localhost", 80) else ""


def runs_a_command():
    import subprocess
    subprocess.run([sys.executable or "sh", "-c", "pass"], check=True)
    return "reached"


def runs_a_shell():
    return "reached" if os.system("true") == 0 else ""


def forks():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return "reached"


def starts_a_process_of_multiprocessing():
    import multiprocessing
    process = multiprocessing.get_context("fork").Process(target=print)
    process.start()
    process.join()
    return "reached" if process.exitcode == 0 else ""


def kills_another_process():
    os.kill(VICTIM, 9)
    return "reached"


def kills_its_parent():
    os.kill(os.getppid(), 0)
    return "reached" if os.getppid() > 1 else ""


def traces_another_process():
    import ctypes
    attach = 16
    return "reached" if ctypes.CDLL(None).ptrace(attach, VICTIM, 0, 0) == 0 else ""


def asks_the_kernel_directly():
    import ctypes, platform
    socket = {"x86_64": 41, "aarch64": 198}[platform.machine()]
    return "reached" if ctypes.CDLL(None).syscall(socket, 2, 1, 0) >= 0 else ""


def makes_a_namespace_of_its_own():
    import ctypes
    user_namespace = 0x10000000
    return "reached" if ctypes.CDLL(None).unshare(user_namespace) == 0 else ""


def mounts():
    import ctypes
    return "reached" if ctypes.CDLL(None).mount(b"none", b"/usr/lib", b"tmpfs", 0, None) == 0 else ""


def becomes_root():
    os.setuid(0)
    os.chroot("/")
    return "reached"


def lifts_its_limits():
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 40, 1 << 40))
    return "reached"


def takes_shared_memory():
    from multiprocessing.shared_memory import SharedMemory
    memory = SharedMemory(create=True, size=1 << 20)
    memory.close()
    memory.unlink()
    return "reached"


def takes_an_anonymous_file():
    os.write(os.memfd_create("x"), b"x" * (1 << 20))
    return "reached"
"""
"""Each function is one attempt that leaves its process alive."""

ALSO_WITHOUT_A_SANDBOX = {
    "reads_a_secret_file", "reads_it_by_going_up", "reads_it_through_a_link", "reads_it_by_a_file_descriptor",
    "reads_passwd", "reads_the_environment", "reads_its_environment_from_proc",
    "reads_the_environment_of_another_process", "lists_processes", "appends_to_a_file", "makes_a_file",
    "makes_a_file_in_the_temporary_folder", "makes_a_huge_file", "changes_rights", "connects", "listens",
    "talks_to_a_local_service", "runs_a_command", "runs_a_shell", "forks", "kills_another_process", "kills_its_parent",
    "asks_the_kernel_directly", "takes_an_anonymous_file", "overwrites_a_file",
}  # fmt: skip
"""Those that are harmless enough to be tried for real, in a folder of the test."""

UPHEAVALS: dict[str, tuple[str, str | None]] = {
    "takes ten gigabytes": ("def attack(): return len([bytearray(1 << 30) for _ in range(10)])", "memory"),
    "takes memory piece by piece": ("def attack():\n x = []\n while True: x.append('x' * 1000000)", "memory"),
    "takes memory while it is loaded": ("x = [0] * (1 << 28)", "memory"),
    "unpacks a zip bomb": (
        "import gzip\ndef attack(): return len(gzip.decompress(gzip.compress(bytes(1 << 20)) * 10_000))",
        "memory",
    ),
    "prints without end": ("def attack():\n while True: print('x' * 1000)", "output"),
    "prints while it is loaded": ("while True: print('x' * 100)", "output"),
    "writes errors without end": ("import os\ndef attack():\n while True: os.write(2, b'x' * 10000)", "output"),
    "loops without end": ("def attack():\n while True: pass", "time"),
    "loops while it is loaded": ("while True: pass", "time"),
    "sleeps": ("import time\ndef attack(): time.sleep(3600)", "time"),
    "is slow inside C": ("def attack(): return pow(3, 10 ** 8) % 7", None),
    "backtracks without end": ("import re\ndef attack(): re.match('(a+)+$', 'a' * 40 + 'b')", "time"),
    "ignores signals": (
        """
def attack():
    try:
        import signal
        for number in range(1, 64):
            try: signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError): pass
    finally:
        while True: pass
""",
        "time",
    ),
    "catches what would end it": (
        "def attack():\n while True:\n  try:\n   while True: pass\n  except BaseException: pass",
        "time",
    ),
    "is a fork bomb": (
        "import os\ndef attack():\n while True:\n  try: os.fork()\n  except Exception: raise SystemError('no')",
        None,
    ),
    "starts ten thousand threads": (
        """
import threading, time
def attack():
    for _ in range(10000): threading.Thread(target=time.sleep, args=(60,)).start()
    return 'reached'
""",
        None,
    ),
    "leaves a thread behind": (
        """
import threading, time
def attack():
    threading.Thread(target=time.sleep, args=(60,)).start()
    raise ValueError("no")
""",
        None,
    ),
    "recurses without end": (
        "import sys\ndef attack():\n sys.setrecursionlimit(10 ** 8)\n def f(): return f()\n return f()",
        None,
    ),
    "recurses through C": ("def attack(): return max(map(lambda _: attack(), [1]))", None),
    "breaks the interpreter": (
        """
def attack():
    code = (lambda: 0).__code__
    exec(code.replace(co_code=b'\\x64\\xff' * 50, co_consts=(), co_stacksize=1))
    return 'reached'
""",
        None,
    ),
    "reads from nowhere": (
        "def attack():\n import ctypes\n ctypes.string_at(0)\n return 'reached'",
        None,
    ),
    "ends its process": ("import os\ndef attack(): os._exit(0)", None),
    "ends its process while it is loaded": ("import os\nos._exit(3)", None),
    "kills itself": ("import os, signal\ndef attack(): os.kill(os.getpid(), signal.SIGKILL)", None),
    "kills everything": ("import os\ndef attack(): os.kill(-1, 9)\n", None),
    "returns a hundred megabytes": ("def attack(): return 'x' * 100_000_000", None),
    "raises a hundred megabytes": ("def attack(): raise ValueError('x' * 30_000_000)", None),
    "returns what contains itself": ("def attack():\n x = []\n x.append(x)\n return x", None),
    "floods the channel to the tests": (
        "import os\ndef attack():\n while True: os.write(1, b'\\xff' * 65536)",
        None,
    ),
    "closes its streams": ("import os\ndef attack():\n for number in range(10): os.close(number)", None),
    "waits for input": ("def attack(): return input()", None),
}  # fmt: skip
"""Name -> program that may take its process with it, and the limit that ends it, if one surely does."""

ATTACK_NAMES = [node.name for node in ast.parse(ATTACKS).body if isinstance(node, ast.FunctionDef)]
_METHODS = [f"    def test_{name}(self): self.assertEqual(solution.{name}(), 'reached')" for name in ATTACK_NAMES]
ATTACK_TESTS = "\n".join(["import unittest, solution", "class TestAttempts(unittest.TestCase):", *_METHODS])
"""A test for each attack, that passes where the attack succeeds."""
ONE_TEST = """
import unittest, solution

class TestAttack(unittest.TestCase):
    def test_attack(self):
        self.assertEqual(solution.attack(), "reached")
"""
"""The test of an upheaval."""
