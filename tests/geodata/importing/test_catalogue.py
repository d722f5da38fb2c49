"""The catalogue of messages: every code that is raised has its entry, every entry is raised, and each has its test."""

import ast
import re
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Annotated

import pytest
from pydantic import TypeAdapter

from geodata.importing import gdal_mode
from geodata.importing.messages import KINDS, say
from geodata.importing.messages_of_repairs import REPAIRS
from geodata.importing.results import UnreadableFileError
from geodata.registers import discover

ROOT = Path(__file__).parents[3]
CODE = re.compile(r"[A-Z]+(?:_[A-Z]+)+|TIMEOUT")
NO_MESSAGES = {
    "GEOM_NULL", "ARROW_DEFAULT_MEMORY_POOL", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "GDAL_SKIP", "OGR_SKIP",
    gdal_mode.ALL_DRIVERS, *gdal_mode._OPTIONS,
}  # fmt: skip
"""What looks like a code and is none: a row's problem that is told as GEOM_MISSING, environment variables, GDAL's options."""

LEAST_CODES = 60
SAYERS = {"UnreadableFileError", "ColumnChoiceError", "warn", "refuse", "add", "add_once", "add_first"}
"""What a message is handed to."""


@cache
def constants(folder: str) -> frozenset[str]:
    """Return every text of the sources that looks like a code, but for the catalogue's own."""
    found: set[str] = set()
    for path in (ROOT / folder).rglob("*.py"):
        if not path.name.startswith("messages"):
            nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            found |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return frozenset(text for text in found if CODE.fullmatch(text))


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_every_code_in_the_import_has_its_message() -> None:
    unknown = constants("geodata/importing") - KINDS.keys() - REPAIRS.keys() - NO_MESSAGES
    assert unknown == set()


def test_every_message_is_said_somewhere() -> None:
    said = constants("geodata") | constants("service") | {code.replace("REPAIR_", "REPAIRED_") for code in REPAIRS}
    assert KINDS.keys() - said == set()


@pytest.mark.parametrize("code", sorted(KINDS))
def test_every_message_has_a_test_that_names_it(code: str) -> None:
    own = {"test_catalogue.py", "test_docs.py"}
    tests = (path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py") if path.name not in own)
    assert any(
        f'"{code}"' in text or f"'{code}'" in text or code.replace("REPAIRED_", "REPAIR_") in text for text in tests
    )


def test_there_are_codes_enough_to_tell_faults_apart() -> None:
    assert len(KINDS) >= LEAST_CODES


@pytest.mark.parametrize("code", sorted(KINDS))
def test_both_languages_tell_the_same_facts(code: str) -> None:
    kind = KINDS[code]
    vi, en = placeholders(kind.vi + kind.remedy_vi), placeholders(kind.en + kind.remedy_en)
    assert {name.removesuffix("_vi") for name in vi} - {"value"} == {name.removesuffix("_en") for name in en} - {
        "rule",
        "value",
    }


@pytest.mark.parametrize("code", sorted(KINDS))
def test_a_missing_fact_leaves_a_gap_and_no_placeholder(code: str) -> None:
    message = say(code, {})
    assert not any(mark in str(message) for mark in ("{title", "{value", "_vi}", "_en}"))


def test_a_refusal_says_what_the_catalogue_says() -> None:
    kind, error = KINDS["ZIP_BOMB"], UnreadableFileError("ZIP_BOMB")
    assert (error.vi, error.en) == (f"{kind.vi} {kind.remedy_vi}", f"{kind.en} {kind.remedy_en}")


def test_readers_have_no_sentences_of_their_own() -> None:
    """What is said about files stands in the catalogue alone: no Vietnamese sentence is handed to a refusal or warning."""
    letters = re.compile(r"[À-ỹ]")
    for path in (ROOT / "geodata/importing").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and (name := getattr(node.func, "id", getattr(node.func, "attr", ""))) in SAYERS
            ):
                given = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
                told = [text for text in given if isinstance(text, str) and letters.search(text)]
                assert not told, f"{path.name}:{node.lineno} {name}: {told}"


def test_a_fact_is_cut_and_never_formatted_twice() -> None:
    assert len(say("ZIP_PATH", {"name": "x" * 70_000})["vi"]) < 1200
    assert "{limit}" in say("ZIP_PATH", {"name": "{limit}", "limit": 9})["vi"]


def test_every_code_that_files_give_tells_its_form() -> None:
    """What may be refused as CODE_FORMAT has a form and an example that the field itself takes."""
    for register in discover().values():
        for item in register.fields:
            if item.scheme is not None and item.column.key == "value":
                assert item.form is not None, (register.id, item.name)
            if item.form is not None:
                info = register.write.model_fields[item.name]
                assert TypeAdapter(Annotated[info.annotation, info]).validate_python(item.form.example)
