"""Every class that the service declares is tested, and none is claimed that it does not declare."""

import ast
import importlib
import inspect
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from service.api.documents import CONFORMANCE
from tests.conformance import classes
from tests.conftest import ROOT

HERE = Path(__file__).parent
UNDECLARED: frozenset[str] = frozenset({classes.CRS} - set(CONFORMANCE))
"""Classes whose tests wait here until the service declares them."""


def marks_of(owner: Any) -> list[str]:
    """Return the classes that a module's or a function's marks name."""
    marks = getattr(owner, "pytestmark", [])
    return [mark.args[0] for mark in (marks if isinstance(marks, list) else [marks]) if mark.name == "conformance"]


def classes_tested_here() -> Counter[str]:
    """Return how many tests of this folder each class has."""
    found: Counter[str] = Counter()
    for path in HERE.glob("test_*.py"):
        module: ModuleType = importlib.import_module(f"tests.conformance.{path.stem}")
        for name, test in inspect.getmembers(module, inspect.isfunction):
            if name.startswith("test_") and test.__module__ == module.__name__:
                found.update(marks_of(module) + marks_of(test))
    return found


@pytest.mark.parametrize("uri", CONFORMANCE)
def test_every_declared_class_has_a_test(uri: str) -> None:
    assert classes_tested_here()[uri] or uri in classes.ELSEWHERE


def test_no_class_is_tested_that_is_not_declared() -> None:
    assert {*classes_tested_here(), *classes.ELSEWHERE} - set(CONFORMANCE) == UNDECLARED


@pytest.mark.parametrize("place", sorted(set(classes.ELSEWHERE.values())))
def test_the_tests_that_stand_elsewhere_are_there(place: str) -> None:
    path, _, name = place.partition("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_no_class_is_declared_twice() -> None:
    assert len(CONFORMANCE) == len(set(CONFORMANCE))
