"""The app installs from its locks, and what the container does works on this machine."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from core.config import Settings

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMET_QUIET = {
    "COMET_DISABLE_AUTO_LOGGING": "1",
    "COMET_ERROR_TRACKING_ENABLE": "false",
    "COMET_LOGGING_CONSOLE": "ERROR",
    "COMET_DISPLAY_SUMMARY_LEVEL": "0",
    "COMET_DISABLE_ANNOUNCEMENT": "1",
}


def run(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | (env or {})
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)


def locked(name: str) -> list[Requirement]:
    """The pins of a lock that apply to this Python."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith((" ", "#"))]
    return [pin for pin in pins if pin.marker is None or pin.marker.evaluate()]


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


# ------------------------------------------------------------------------------------------------------------ locks


@pytest.mark.parametrize(("lock", "wanted"), [
    ("requirements.txt", project()["project"]["dependencies"]),
    ("requirements-dev.txt", project()["dependency-groups"]["dev"]),
    ("requirements-bench.txt", project()["dependency-groups"]["bench"]),
    ("requirements-tracing.txt", project()["dependency-groups"]["tracing"]),
])  # fmt: skip
def test_the_lock_pins_everything_that_the_project_asks_for(lock: str, wanted: list[str]) -> None:
    pins = {canonicalize_name(pin.name): pin.specifier for pin in locked(lock)}
    for requirement in map(Requirement, wanted):
        (pin,) = pins[canonicalize_name(requirement.name)]
        assert pin.operator == "=="
        assert requirement.specifier.contains(pin.version), f"{requirement} but {pin}"


@pytest.mark.parametrize("lock", ["requirements-dev.txt", "requirements-bench.txt"])
def test_the_locks_agree_on_what_both_pin(lock: str) -> None:
    pins = {pin.name: str(pin.specifier) for pin in locked("requirements.txt")}
    assert [pin for pin in locked(lock) if pins.get(pin.name, str(pin.specifier)) != str(pin.specifier)] == []


def test_every_direct_dependency_says_why_it_is_here() -> None:
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    entries = [line for line in lines if re.match(r'  "[a-z][\w\[\]-]*[=<>]', line)]
    groups = project()["dependency-groups"].values()
    assert len(entries) == len(project()["project"]["dependencies"]) + sum(map(len, groups))
    assert [line for line in entries if not re.search(r",\s+# \w", line)] == []


def imported_by_the_app() -> set[str]:
    """Distributions behind the absolute imports of the app."""
    files = [*ROOT.glob("core/**/*.py"), *ROOT.glob("pages/*.py"), ROOT / "Home.py"]
    names = re.findall(
        r"^ *(?:import|from) (\w+)", "\n".join(f.read_text(encoding="utf-8") for f in files), re.MULTILINE
    )
    of_module = importlib.metadata.packages_distributions()
    return {canonicalize_name(of_module[name][0]) for name in set(names) if name in of_module}


def test_what_the_app_imports_is_a_dependency_of_its_own() -> None:
    wanted = {canonicalize_name(Requirement(line).name) for line in project()["project"]["dependencies"]}
    assert imported_by_the_app() - wanted == set()


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt", "requirements-model.txt"])
def test_the_environment_is_the_lock(lock: str) -> None:
    wrong = [str(pin) for pin in locked(lock) if not pin.specifier.contains(importlib.metadata.version(pin.name))]
    assert wrong == []


@pytest.mark.parametrize("module", [
    "streamlit", "altair", "pandas", "openai", "pymilvus", "milvus_lite.server_manager", "youtube_transcript_api",
    "youtube_search", "dbos", "psycopg", "onnxruntime", "onnx",
])  # fmt: skip
def test_a_pinned_package_imports_beside_the_others(module: str) -> None:
    done = run(sys.executable, "-c", f"import {module}")
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_comet_llm_imports_with_the_pinned_comet_ml_and_says_nothing(tmp_path: Path) -> None:
    """Its proxies are a closed port: whatever it asked for on import would fail or hang."""
    proxies = {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "HOME": str(tmp_path)}
    done = run(sys.executable, "-c", "import comet_llm, comet_ml", cwd=tmp_path, env=COMET_QUIET | proxies)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr == ""


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_evidently_imports_with_the_pinned_pandas(tmp_path: Path) -> None:
    program = "from evidently import Dataset, Report; from evidently.presets import DataDriftPreset"
    done = run(sys.executable, "-c", program, cwd=tmp_path, env={"HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr[-2000:]


# ----------------------------------------------------------------------------------------------------- installation


def old_python(folder: Path, version: str) -> Path:
    """An interpreter that is too old, as far as the script looks at it."""
    python = folder / "python3"
    python.write_text(f'#!/bin/sh\nif [ "$1" = --version ]; then echo Python {version}; else exit 1; fi\n')
    python.chmod(0o755)
    return python


def test_a_python_that_is_too_old_is_named_in_one_line(tmp_path: Path) -> None:
    python = old_python(tmp_path, "3.9.2")
    done = run("sh", "deploy/install.sh", tmp_path / "venv", env={"PYTHON": str(python)})
    assert done.returncode == 1
    assert "needs Python 3.11, 3.12 or 3.13; found here: Python 3.9.2" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "venv").exists()


def test_a_folder_that_is_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    done = run("sh", "deploy/install.sh", tmp_path)
    assert done.returncode == 1
    assert "is not a virtual environment" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_run_opens_the_app_on_the_port_that_port_names() -> None:
    assert "--server.port 8501" in run("make", "-n", "run").stdout
    assert "--server.port 8600" in run("make", "-n", "run", "PORT=8600").stdout
    assert "--server.port 8600" in run("make", "-n", "run", env={"PORT": "8600"}).stdout


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_check_includes_all_that_make_test_runs() -> None:
    tests = [line for line in run("make", "-n", "test").stdout.splitlines() if "pytest" in line]
    checks = run("make", "-n", "check").stdout.splitlines()
    assert len(tests) == 1
    assert tests[0] in checks
    for tool in ("ruff format --check", "ruff check", "lint_imports", "mypy"):
        assert any(tool in line for line in checks), tool


@pytest.mark.parametrize("script", ["deploy/install.sh", "deploy/serve.sh", ".ci/run"])
def test_a_script_has_no_syntax_error(script: str) -> None:
    shell = "bash" if script == ".ci/run" else "sh"
    assert run(shell, "-n", script).returncode == 0


# -------------------------------------------------------------------------------------------------------- container


def instructions(name: str) -> list[str]:
    """The arguments of each instruction of that name, continued lines joined."""
    return re.findall(rf"^{name} (.*)$", DOCKERFILE.replace("\\\n", " "), re.MULTILINE)


def copied() -> list[tuple[list[str], str]]:
    """(sources, destination) of each COPY from the project."""
    lines = [shlex.split(line) for line in instructions("COPY") if not line.startswith("--from=")]
    return [(words[:-1], words[-1]) for words in lines]


def lay_out(folder: Path, copies: list[tuple[list[str], str]]) -> None:
    """Copies what the Dockerfile copies."""
    for sources, destination in copies:
        for source in sources:
            into_folder = destination.endswith("/")
            target = folder / destination / Path(source).name if into_folder else folder / destination
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, target)


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix != ".pyc" and path.is_file()}


def test_a_linter_finds_nothing_wrong_with_the_dockerfile() -> None:
    done = run(BIN / "hadolint", "--no-color", "Dockerfile")
    assert done.returncode == 0, done.stdout


def test_the_image_runs_without_root_and_is_asked_for_its_health() -> None:
    (user,) = instructions("USER")
    assert int(user) > 0
    (health,) = instructions("HEALTHCHECK")
    assert "deploy/healthcheck.py" in health


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = [line[1:] for line in ignore if line.startswith("!")]
    for source in [source for sources, _ in copied() for source in sources]:
        assert (ROOT / source).exists(), source
        assert any(Path(source.split("/")[0]).match(pattern) for pattern in allowed), source
    assert ".streamlit/secrets.toml" in ignore


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_steps_of_the_image_make_an_app_that_answers(tmp_path: Path) -> None:
    """Lays out and runs what the Dockerfile does, offline from uv's cache; only the container around it is missing."""
    venv, app = tmp_path / "opt", tmp_path / "app"
    lay_out(tmp_path / "build", copied()[:2])
    lay_out(app, copied()[2:])
    offline = {"UV": str(BIN / "uv"), "UV_OFFLINE": "1", "PIP_NO_INDEX": "1", "UV_COMPILE_BYTECODE": "0"}
    installed = run("sh", "deploy/install.sh", venv, cwd=tmp_path / "build", env=offline | {"PYTHON": sys.executable})
    if installed.returncode and "network was disabled" in installed.stderr:
        pytest.skip("the packages are not in uv's cache: they were installed with pip")
    assert installed.returncode == 0, installed.stderr[-2000:]
    assert not (venv / "bin" / "pytest").exists()

    shipped = files_in(app)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
    settings = {
        "PORT": port,
        "ADDRESS": "127.0.0.1",
        "CUEPOINT_DATA_DIR": str(tmp_path / "data"),
        "HOME": str(tmp_path),
    }
    serving = subprocess.Popen(["sh", "deploy/serve.sh", str(venv)], cwd=app, env=os.environ | settings)
    try:
        deadline = time.monotonic() + 60
        while run(venv / "bin" / "python", "deploy/healthcheck.py", port, cwd=app).returncode:
            assert serving.poll() is None, "the app ended"
            assert time.monotonic() < deadline, "the app does not answer"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/search", timeout=10) as answer:
            assert b"Streamlit" in answer.read()
    finally:
        serving.terminate()
        serving.wait(timeout=30)
    assert run(venv / "bin" / "python", "deploy/healthcheck.py", port, cwd=app).returncode == 1
    status = run(venv / "bin" / "python", "-m", "core", "status", "--json", cwd=app, env=settings)
    assert status.returncode == 0, status.stderr[-2000:]
    assert '"services"' in status.stdout
    assert files_in(app) == shipped, "the app writes into its own folder"


# ---------------------------------------------------------------------------------------------------------- compose


def compose(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / name).read_text(encoding="utf-8"))
    return loaded


@pytest.mark.parametrize("name", ["compose.yaml", "compose.servers.yaml"])
def test_compose_sets_only_settings_that_exist(name: str) -> None:
    known = {field.alias or f"CUEPOINT_{key.upper()}" for key, field in Settings.model_fields.items()}
    assert set(compose(name)["services"]["app"]["environment"]) <= known


def test_compose_opens_only_the_app_and_only_to_this_machine() -> None:
    services = [*compose("compose.yaml")["services"].items(), *compose("compose.servers.yaml")["services"].items()]
    ports = {name: service["ports"] for name, service in services if "ports" in service}
    assert list(ports) == ["app"]
    assert all(port.startswith("127.0.0.1:") for port in ports["app"])


def test_compose_keeps_the_library_in_the_volume_that_the_image_writes_to() -> None:
    (volume,) = compose("compose.yaml")["services"]["app"]["volumes"]
    assert volume.split(":") == ["library", instructions("VOLUME")[0]]
    assert f"CUEPOINT_DATA_DIR={instructions('VOLUME')[0]}" in DOCKERFILE


def test_compose_mounts_only_files_that_are_there() -> None:
    for service in compose("compose.servers.yaml")["services"].values():
        for source in [volume.split(":")[0] for volume in service.get("volumes", [])]:
            assert not source.startswith(".") or (ROOT / "deploy" / source).is_file(), source
