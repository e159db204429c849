"""The house keeps its floors: who may import what, who reads the environment, and what no file names."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from core.config import Settings

ROOT = Path(__file__).resolve().parents[1]
APP_FILES = sorted([*ROOT.glob("core/**/*.py"), *ROOT.glob("pages/*.py"), ROOT / "Home.py"])
PAGES = sorted(ROOT.glob("pages/*.py"))
PAGE_MAY_IMPORT = {"streamlit", "pandas", "altair", "core.ui", "core.models", "core.errors", "__future__"}
VENDORS = {
    "openai", "pymilvus", "milvus_lite", "youtube_transcript_api", "youtube_search", "comet_llm", "comet_ml",
    "evidently", "dbos", "wasmtime", "onnxruntime", "onnx", "tokenizers", "requests", "httpx", "httpx2",
}  # fmt: skip
SQL = {"sqlalchemy", "alembic", "psycopg"}


def in_app(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Every module that the file imports, anywhere in it; ``from core import ui`` counts as ``core.ui``."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"core.{alias.name}" for alias in node.names] if node.module == "core" else [node.module]
            found.update(names)
    return frozenset(found)


def importers(packages: set[str]) -> set[str]:
    """Files of the app that import one of the packages."""
    return {in_app(path) for path in APP_FILES if packages & {name.partition(".")[0] for name in imports_of(path)}}


def texts() -> Iterator[tuple[str, str]]:
    """Each tracked text file of the project with its text."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        path = ROOT / name
        if path.is_file() and b"\0" not in (data := path.read_bytes()):
            yield name, data.decode("utf-8")


def test_an_import_only_goes_down_a_floor() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()", "--no-cache"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-1000:]


def test_the_floors_in_the_architecture_page_are_those_that_are_checked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    checked = [{name for name in layer.split(" : ") if not name.startswith("(")} for layer in layers]
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page[page.index("| floor | modules |") :].split("\n\n")[0].splitlines()[2:]
    assert [set(re.findall(r"`(\w+)`", row)) for row in table] == checked


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_short_and_knows_only_the_ui_and_the_words(page: Path) -> None:
    assert len(page.read_text(encoding="utf-8").splitlines()) <= 80
    for name in imports_of(page):
        parts = name.split(".")
        assert {".".join(parts[:1]), ".".join(parts[:2])} & PAGE_MAY_IMPORT, f"{page.name} imports {name}"


def test_only_pages_and_the_ui_import_streamlit() -> None:
    assert {
        name for name in importers({"streamlit"}) if not name.startswith(("core/ui/", "pages/", "Home.py"))
    } == set()


def test_only_adapters_import_a_vendor() -> None:
    assert {name for name in importers(VENDORS) if not name.startswith("core/adapters/")} == set()


def test_only_the_ledger_imports_sql() -> None:
    assert {name for name in importers(SQL) if not name.startswith("core/ledger/")} == set()


def reads_environment(path: Path) -> bool:
    """True where the file names os.environ or os.getenv, in whatever way."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"}:
            return True
        if (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and {a.name for a in node.names} & {"environ", "getenv"}
        ):
            return True
    return False


def test_only_the_settings_read_the_environment() -> None:
    may = {
        "core/config.py",
        "core/__init__.py",  # sets the threads of NumPy's library, which nothing else can before it is loaded
        "core/adapters/milvus_client.py",  # hides our variables from pymilvus, which would read them on import
    }
    assert {in_app(path) for path in APP_FILES if reads_environment(path)} - may == set()


def test_no_file_names_a_registry_or_a_folder_of_this_machine() -> None:
    hosts = "|".join(
        [
            "pypi" + r"\.org",
            "python" + "hosted",
            "registry" + r"\.npmjs",
            "deb" + r"\.debian",
            "--(extra-)?" + "index-url",
        ]
    )
    folders = "|".join("/" + name + "/" for name in ("work", "root", "home", "tmp"))
    forbidden = re.compile(rf"({hosts})|(?<![\w.$}}])({folders})")
    found = [f"{name}: {match.group()}" for name, text in texts() if (match := forbidden.search(text))]
    assert found == []


def readme_settings() -> dict[str, str]:
    """Variable -> default, from the rows of the table in README that begin with a variable's name."""
    rows = re.findall(
        r"^\| `([A-Z][A-Z_]+)` \|([^|]*)\|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    return {name: default.strip().strip("`") for name, default in rows}


def as_readme_writes(value: object) -> str:
    if value is None or value == {}:
        return ""
    return ",".join(value) if isinstance(value, tuple) else f"{value:g}" if isinstance(value, float) else str(value)


def test_the_settings_table_of_the_readme_is_what_the_code_reads() -> None:
    fields = Settings.model_fields.items()
    expected = {
        field.alias or f"CUEPOINT_{name.upper()}": as_readme_writes(field.get_default(call_default_factory=True))
        for name, field in fields
    }
    assert {name: value for name, value in readme_settings().items() if name != "PORT"} == expected


def test_what_the_app_ships_is_in_the_repository() -> None:
    here = {
        in_app(p) for p in ROOT.glob("core/**/*") if p.is_file() and p.suffix != ".pyc" and "__pycache__" not in p.parts
    }
    ignored = subprocess.run(
        ["git", "check-ignore", "--stdin"], cwd=ROOT, input="\n".join(here), capture_output=True, text=True, check=False
    ).stdout.split()
    assert ignored == []


def test_every_file_that_the_readme_links_to_is_there() -> None:
    for name in ("README.md", "CHANGELOG.md", "docs/architecture.md"):
        page = ROOT / name
        links = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8"))
        assert [link for link in links if not (page.parent / link).exists()] == [], name


@pytest.mark.parametrize("module", ["core.services", "core.mirror.service", "core.adapters.comet", "core.jobs.mirror"])
def test_the_services_and_the_delivery_load_without_what_takes_seconds(module: str) -> None:
    heavy = "{'evidently', 'comet_ml', 'comet_llm'}"
    program = f"import {module}, sys; print(sorted({heavy} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
