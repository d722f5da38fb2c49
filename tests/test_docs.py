"""The documents say what the code does: settings, registers, commands, messages, addresses, links, examples."""

import doctest
import importlib
import json
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import typer

from geodata.importing.messages import KINDS
from geodata.registers import discover
from service import app as application
from service.cli import app as command_line
from service.problems import STATUSES
from service.settings import ServiceSettings
from tests.conftest import LONGEST

ROOT = Path(__file__).parent.parent
LEFT_OUT = {"var", ".venv", "node_modules", "dist", ".git", "data"}
PACKAGES = ("geodata", "tiles", "service")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SETTING_ROW = re.compile(r"^\| `([A-Z_]+)` \| (?:`(.*?)` )?\| (.+) \|$", re.MULTILINE)
OTHER_VARIABLES = {"BANDOSO_PORT"}
"""Read by the supervisor alone, which runs before there are settings."""

DECISION_PARTS = ["Context", "Decision", "Consequences", "Alternatives", "The rule that enforces it"]


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def documents() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.md") if LEFT_OUT.isdisjoint(path.relative_to(ROOT).parts))


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


@cache
def settings_table() -> dict[str, tuple[str, str]]:
    """Return the README's settings: default and meaning by name."""
    return {name: (default, meaning) for name, default, meaning in SETTING_ROW.findall(read("README.md"))}


def settings() -> dict[str, object]:
    """Return the settings that a process reads: default by name of the variable."""
    prefix = ServiceSettings.model_config["env_prefix"]
    return {
        str(field.validation_alias or f"{prefix}{name.upper()}"): field.default
        for name, field in ServiceSettings.model_fields.items()
    }


def test_readme_lists_the_settings_and_no_others() -> None:
    assert set(settings_table()) == settings().keys() | OTHER_VARIABLES


@pytest.mark.parametrize("name", sorted(settings()))
def test_readme_tells_a_setting_s_default(name: str) -> None:
    default = settings()[name]
    value = default.get_secret_value() if hasattr(default, "get_secret_value") else default
    assert settings_table()[name][0] == ("" if value is None else str(value))


@pytest.mark.parametrize("register", sorted(discover()))
def test_readme_tells_of_every_register(register: str) -> None:
    assert f"| `{register}` |" in read("README.md")


def commands() -> list[str]:
    """Return every command that can be typed, with its groups."""

    def walk(command: Any, path: str) -> Iterator[str]:
        inner = getattr(command, "commands", None)
        if inner is None:
            yield path
            return
        for name, child in inner.items():
            yield from walk(child, f"{path} {name}")

    return sorted(walk(typer.main.get_command(command_line), "bandoso"))


@pytest.mark.parametrize("command", commands())
def test_readme_tells_of_every_command(command: str) -> None:
    assert re.search(rf"^\| `{command}[ `]", read("README.md"), re.MULTILINE)


@pytest.mark.parametrize("code", sorted(KINDS))
def test_officers_guide_explains_every_message(code: str) -> None:
    assert re.search(rf"^\| `{code}` \| .+ \| .+ \|$", read("docs/officer-guide.vi.md"), re.MULTILINE)


def test_api_document_names_every_address() -> None:
    text = read("docs/api.md")
    routes = [route for router in application.routers for route in router.routes]
    paths = {getattr(route, "path", "") for route in routes if getattr(route, "include_in_schema", False)}
    assert {path for path in paths if f"`{path}`" not in text} == set()


def test_api_document_names_every_error() -> None:
    text = read("docs/api.md")
    codes = {str(getattr(error, "code", "")).lower() for error in STATUSES} - {"geodata", ""}
    assert {code for code in codes if f"`{code}`" not in text} == set()


def anchors(text: str) -> set[str]:
    """Return what headings are linked by: lower case, blanks as hyphens, punctuation left out."""
    found = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", unicodedata.normalize("NFC", heading).lower()) for heading in found)
    return {heading.strip().replace(" ", "-") for heading in kept}


@pytest.mark.parametrize("document", names(documents()))
def test_relative_links_lead_somewhere(document: str) -> None:
    path = ROOT / document
    broken = []
    for target in LINK.findall(path.read_text(encoding="utf-8")):
        address, _, fragment = target.partition("#")
        if re.match(r"[a-z]+:", address):
            continue
        found = (path.parent / unquote(address)).resolve() if address else path
        if not found.exists() or (fragment and unquote(fragment) not in anchors(found.read_text(encoding="utf-8"))):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("decision", names(sorted((ROOT / "docs" / "decisions").glob("0*.md"))))
def test_decisions_follow_the_template_and_are_listed(decision: str) -> None:
    assert re.findall(r"^## (.+)$", read(decision), re.MULTILINE) == DECISION_PARTS
    assert Path(decision).name in read("docs/decisions/README.md")


@pytest.mark.parametrize("picture", names(sorted((ROOT / "docs" / "images").iterdir())))
def test_pictures_are_small(picture: str) -> None:
    assert (ROOT / picture).stat().st_size <= 300_000


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock", "service/web/package-lock.json"])
def test_lock_files_name_no_address(lock: str) -> None:
    assert not re.search(r'--(?:extra-)?index-url|"resolved":|@ https?://', read(lock))


def modules_with_examples() -> list[str]:
    found = []
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        if LEFT_OUT.isdisjoint(path.relative_to(ROOT).parts) and ">>> " in path.read_text(encoding="utf-8"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return sorted(found)


def test_the_files_that_are_begun_with_are_there() -> None:
    assert set(LONGEST) <= {path.name for path in (ROOT / "tests").rglob("test_*.py")}


@pytest.mark.parametrize("module", modules_with_examples())
def test_examples_in_docstrings_are_right(module: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert tried > 0
    assert failed == 0


def test_the_api_s_example_of_a_check_names_columns_of_the_example_file() -> None:
    header = re.search(r"^cat > dia-chi.csv.*\n(.+)$", read("README.md"), re.MULTILINE)
    named = re.search(r"-F file=@dia-chi\.csv \\\n +-F 'columns=(\{.+\})'", read("docs/api.md"))
    assert header is not None
    assert named is not None
    assert json.loads(named[1]).keys() <= set(header[1].split(","))
