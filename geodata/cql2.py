"""CQL2 text (OGC 21-065r2) to the same tree that CQL2 JSON is.

A parser of our own: the one of the package ``cql2`` takes exponential time for some 48 characters, and ends the process
at some thousand brackets. This one reads each character once, and goes no deeper than it is told to.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import shapely

Tree = Any
"""A CQL2 JSON value: an operation with ``op`` and ``args``, a property, a literal."""

GEOMETRY_TYPES = ("Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon")

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)
    |(?P<quoted>"[^"]+")|(?P<word>[^\W\d][\w.:]*)|(?P<sign><>|<=|>=|[=<>(),]))""",
    re.VERBOSE,
)
_INTEGER_DIGITS = 18
_COMPARISONS = ("=", "<>", "<", ">", "<=", ">=")
_KEYWORDS = frozenset({"AND", "OR", "NOT", "LIKE", "BETWEEN", "IN", "IS", "NULL", "TRUE", "FALSE"})
_INSTANTS = {"DATE": "date", "TIMESTAMP": "timestamp"}
_WRAPPERS = {"CASEI": "casei", "ACCENTI": "accenti"}
_GEOMETRIES = frozenset(name.upper() for name in GEOMETRY_TYPES)


class Cql2SyntaxError(ValueError):
    """The text is no CQL2.

    Attributes
    ----------
    at : int
        Number of the character from which on it is not, from 1.
    expected_vi, expected_en : str
        What could stand there.
    """

    def __init__(self, at: int, expected_vi: str, expected_en: str) -> None:
        super().__init__(f"expected {expected_en} at character {at}")
        self.at = at
        self.expected_vi, self.expected_en = expected_vi, expected_en


class Cql2DepthError(ValueError):
    """The expression is nested deeper than is read."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int

    @property
    def keyword(self) -> str:
        """The word in capitals; empty for anything else."""
        return self.text.upper() if self.kind == "word" else ""


def parse_cql2(text: str, *, depth: int) -> Tree:
    """Parse CQL2 text.

    Parameters
    ----------
    depth : int
        How deep brackets, negations and functions may be nested.

    Raises
    ------
    Cql2SyntaxError
    Cql2DepthError
    """
    return _Parser(text, _tokens(text), depth).whole()


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            start = at + len(text[at:]) - len(text[at:].lstrip())
            raise Cql2SyntaxError(start + 1, "tên trường, giá trị hoặc phép toán", "a name, a value or an operator")
        kind = match.lastgroup
        found.append(_Token(kind, match[kind], match.start(kind), match.end()))
        at = match.end()
    return [*found, _Token("end", "", end, end)]


class _Parser:
    """Recursive descent; ``left`` is how much deeper it may go."""

    def __init__(self, text: str, tokens: Sequence[_Token], depth: int) -> None:
        self.text = text
        self.tokens = tokens
        self.at = 0
        self.left = depth

    @property
    def next(self) -> _Token:
        return self.tokens[self.at]

    def whole(self) -> Tree:
        tree = self.expression()
        if self.next.kind != "end":
            raise self.error("hết bộ lọc, AND hoặc OR", "the end, AND or OR")
        return tree

    def error(self, expected_vi: str, expected_en: str) -> Cql2SyntaxError:
        return Cql2SyntaxError(self.next.start + 1, expected_vi, expected_en)

    def take(self) -> _Token:
        token = self.next
        self.at += token.kind != "end"
        return token

    def took(self, *words: str) -> bool:
        """Take a keyword or sign if it stands next."""
        if self.next.keyword in words or (self.next.kind == "sign" and self.next.text in words):
            self.take()
            return True
        return False

    def need(self, word: str) -> None:
        if not self.took(word):
            raise self.error(word, word)

    def deeper(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Cql2DepthError

    def expression(self) -> Tree:
        return self.joined("OR", self.conjunction)

    def conjunction(self) -> Tree:
        return self.joined("AND", self.factor)

    def joined(self, word: str, part: Any) -> Tree:
        parts = [part()]
        while self.took(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else {"op": word.lower(), "args": parts}

    def factor(self) -> Tree:
        if self.took("NOT"):
            self.deeper()
            negated = {"op": "not", "args": [self.factor()]}
            self.left += 1
            return negated
        if self.took("("):
            self.deeper()
            inner = self.expression()
            self.need(")")
            self.left += 1
            return inner
        if self.next.keyword in {"TRUE", "FALSE"}:
            return self.take().keyword == "TRUE"
        return self.spatial() if self.is_call() and self.next.keyword.startswith("S_") else self.predicate()

    def is_call(self) -> bool:
        following = self.tokens[min(self.at + 1, len(self.tokens) - 1)]
        return self.next.kind == "word" and following.text == "(" and following.kind == "sign"

    def spatial(self) -> Tree:
        name = self.take().text.lower()
        self.need("(")
        first = self.place()
        self.need(",")
        second = self.place()
        self.need(")")
        return {"op": name, "args": [first, second]}

    def place(self) -> Tree:
        if self.is_call() and self.next.keyword == "BBOX":
            self.take()
            return {"bbox": self.listed(self.number)}
        if self.is_call() and self.next.keyword in _GEOMETRIES:
            return self.geometry()
        return self.property()

    def geometry(self) -> Tree:
        start = self.take()
        open_brackets = 0
        while True:
            token = self.take()
            open_brackets += {"(": 1, ")": -1}.get(token.text if token.kind == "sign" else "", 0)
            if open_brackets == 0 or token.kind == "end":
                break
        try:
            shape = shapely.from_wkt(self.text[start.start : token.end])
        except shapely.errors.GEOSException:
            raise Cql2SyntaxError(start.start + 1, "hình dạng WKT", "a geometry in WKT") from None
        return dict(shapely.geometry.mapping(shape))

    def predicate(self) -> Tree:
        left = self.scalar()
        if self.next.kind == "sign" and self.next.text in _COMPARISONS:
            return {"op": self.take().text, "args": [left, self.scalar()]}
        if self.took("IS"):
            is_negated = self.took("NOT")
            self.need("NULL")
            return self.negated({"op": "isNull", "args": [left]}, when=is_negated)
        is_negated = self.took("NOT")
        return self.negated(self.range_or_list(left), when=is_negated)

    @staticmethod
    def negated(tree: Tree, *, when: bool) -> Tree:
        return {"op": "not", "args": [tree]} if when else tree

    def range_or_list(self, left: Tree) -> Tree:
        if self.took("LIKE"):
            return {"op": "like", "args": [left, self.scalar()]}
        if self.took("IN"):
            return {"op": "in", "args": [left, self.listed(self.scalar)]}
        if self.took("BETWEEN"):
            low = self.scalar()
            self.need("AND")
            return {"op": "between", "args": [left, low, self.scalar()]}
        raise self.error(
            "=, <>, <, >, <=, >=, LIKE, IN, BETWEEN hoặc IS NULL", "=, <>, <, >, <=, >=, LIKE, IN, BETWEEN or IS NULL"
        )

    def listed(self, part: Any) -> list[Tree]:
        self.need("(")
        parts = [part()]
        while self.took(","):
            parts.append(part())
        self.need(")")
        return parts

    def scalar(self) -> Tree:
        if self.next.kind == "text":
            return self.string()
        if self.next.kind == "number":
            return self.number()
        if self.next.keyword in {"TRUE", "FALSE"}:
            return self.take().keyword == "TRUE"
        return self.call() if self.is_call() else self.property()

    def string(self) -> str:
        if self.next.kind != "text":
            raise self.error("văn bản trong '…'", "a text in '…'")
        return self.take().text[1:-1].replace("''", "'")

    def number(self) -> int | float:
        if self.next.kind != "number":
            raise self.error("số", "a number")
        text = self.take().text
        return int(text) if len(text) <= _INTEGER_DIGITS and text.lstrip("-").isdigit() else float(text)

    def call(self) -> Tree:
        name = self.next.keyword
        if name in _INSTANTS:
            self.take()
            self.need("(")
            written = {_INSTANTS[name]: self.string()}
            self.need(")")
            return written
        if name not in _WRAPPERS:
            raise self.error("tên trường hoặc giá trị", "a property or a value")
        self.take()
        self.need("(")
        self.deeper()
        inner = {"op": _WRAPPERS[name], "args": [self.scalar()]}
        self.need(")")
        self.left += 1
        return inner

    def property(self) -> Tree:
        token = self.next
        if token.kind not in {"word", "quoted"} or token.keyword in _KEYWORDS:
            raise self.error("tên trường hoặc giá trị", "a property or a value")
        self.take()
        return {"property": token.text.strip('"')}
