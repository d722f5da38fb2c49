"""CQL2 text (OGC 21-065r2) to the same tree that CQL2 JSON is.

A parser of our own: the one of the package ``cql2`` takes exponential time for some 48 characters, and ends the process
at some thousand brackets. This one reads each character once, and goes no deeper than it is told to.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import shapely

Tree = Any
"""A CQL2 JSON value: an operation with ``op`` and ``args``, a property, a literal."""

GEOMETRY_TYPES = (
    "Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection",
)  # fmt: skip
ARITHMETIC = ("+", "-", "*", "/", "%", "div", "^")
COMPARISONS = ("=", "<>", "<", ">", "<=", ">=")
TEXT_FUNCTIONS = ("casei", "accenti")

# A number has no sign of its own: in a-1 it is an operator.
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<quoted>"(?:[^"]|"")+")|(?P<word>(?:[^\W\d]|:)[\w.:\u0300-\u036f]*)|(?P<sign><>|<=|>=|[=<>(),+\-*/%^]))""",
    re.VERBOSE,
)
_INTEGER_DIGITS = 18
_KEYWORDS = frozenset({"AND", "OR", "NOT", "LIKE", "BETWEEN", "IN", "IS", "NULL", "TRUE", "FALSE", "DIV"})
_INSTANTS = {"DATE": "date", "TIMESTAMP": "timestamp"}
_GEOMETRIES = frozenset(name.upper() for name in GEOMETRY_TYPES)
_PREFIXES = ("S_", "T_", "A_")
_SCALAR_OPERATIONS = frozenset((*ARITHMETIC, *TEXT_FUNCTIONS))
_OPERATORS_VI = "=, <>, <, >, <=, >=, LIKE, IN, BETWEEN hoặc IS NULL"
_OPERATORS_EN = "=, <>, <, >, <=, >=, LIKE, IN, BETWEEN or IS NULL"


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


def _json_name(name: str) -> str:
    """Return a standard function's name as CQL2 JSON has it: t_after, t_metBy."""
    return f"{name[:-2].lower()}By" if name.endswith("BY") else name.lower()


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
        tree = self.truth(self.expression)
        if self.next.kind != "end":
            raise self.error("hết bộ lọc, AND hoặc OR", "the end, AND or OR")
        return tree

    def error(self, expected_vi: str, expected_en: str) -> Cql2SyntaxError:
        return Cql2SyntaxError(self.next.start + 1, expected_vi, expected_en)

    def take(self) -> _Token:
        token = self.next
        self.at += token.kind != "end"
        return token

    def is_next(self, *words: str) -> bool:
        """Whether one of these keywords or signs stands next."""
        return self.next.keyword in words or (self.next.kind == "sign" and self.next.text in words)

    def took(self, *words: str) -> bool:
        """Take a keyword or sign if it stands next."""
        is_there = self.is_next(*words)
        if is_there:
            self.take()
        return is_there

    def need(self, word: str) -> None:
        if not self.took(word):
            raise self.error(word, word)

    @contextmanager
    def deeper(self) -> Iterator[None]:
        self.left -= 1
        if self.left < 0:
            raise Cql2DepthError
        yield
        self.left += 1

    def expression(self) -> Tree:
        return self.joined("OR", self.conjunction)

    def conjunction(self) -> Tree:
        return self.joined("AND", self.factor)

    def joined(self, word: str, part: Callable[[], Tree]) -> Tree:
        parts = [part()]
        while self.is_next(word):
            self.check_truth(parts[-1])
            self.take()
            parts.append(self.truth(part))
        return parts[0] if len(parts) == 1 else {"op": word.lower(), "args": parts}

    def factor(self) -> Tree:
        if not self.took("NOT"):
            return self.comparison()
        with self.deeper():
            return {"op": "not", "args": [self.truth(self.factor)]}

    def truth(self, part: Callable[[], Tree]) -> Tree:
        tree = part()
        self.check_truth(tree)
        return tree

    def check_truth(self, tree: Tree) -> None:
        """Refuse a value where something true or false is needed: what lacks is an operator behind it."""
        is_operation = isinstance(tree, dict) and tree.get("op", "+") not in _SCALAR_OPERATIONS
        if not (is_operation or isinstance(tree, bool)):
            raise self.error(_OPERATORS_VI, _OPERATORS_EN)

    def comparison(self) -> Tree:
        left = self.sum()
        if self.is_next(*COMPARISONS):
            return {"op": self.take().text, "args": [left, self.sum()]}
        if self.took("IS"):
            is_negated = self.took("NOT")
            self.need("NULL")
            return self.negated({"op": "isNull", "args": [left]}, when=is_negated)
        if self.is_next("NOT", "LIKE", "IN", "BETWEEN"):
            is_negated = self.took("NOT")
            return self.negated(self.range_or_list(left), when=is_negated)
        return left

    @staticmethod
    def negated(tree: Tree, *, when: bool) -> Tree:
        return {"op": "not", "args": [tree]} if when else tree

    def range_or_list(self, left: Tree) -> Tree:
        if self.took("LIKE"):
            return {"op": "like", "args": [left, self.sum()]}
        if self.took("IN"):
            return {"op": "in", "args": [left, self.listed(self.sum)]}
        if self.took("BETWEEN"):
            low = self.sum()
            self.need("AND")
            return {"op": "between", "args": [left, low, self.sum()]}
        raise self.error("LIKE, IN hoặc BETWEEN", "LIKE, IN or BETWEEN")

    def sum(self) -> Tree:
        return self.chain(("+", "-"), self.product)

    def product(self) -> Tree:
        return self.chain(("*", "/", "%", "DIV"), self.power)

    def chain(self, operators: tuple[str, ...], part: Callable[[], Tree]) -> Tree:
        left = part()
        while self.is_next(*operators):
            left = {"op": self.take().text.lower(), "args": [left, part()]}
        return left

    def power(self) -> Tree:
        base = self.operand()
        if not self.took("^"):
            return base
        with self.deeper():
            return {"op": "^", "args": [base, self.power()]}

    def operand(self) -> Tree:
        """Parse what arithmetic operators stand between; a sign belongs to the number behind it."""
        if self.is_next("-", "+"):
            return self.signed()
        if self.took("("):
            with self.deeper():
                return self.bracketed()
        return self.value()

    def signed(self) -> Tree:
        is_negative = self.take().text == "-"
        if self.next.kind == "number":
            return -self.unsigned() if is_negative else self.unsigned()
        with self.deeper():
            inner = self.operand()
        if isinstance(inner, int | float) and not isinstance(inner, bool):
            return -inner if is_negative else inner
        return {"op": "*", "args": [-1, inner]} if is_negative else inner

    def bracketed(self) -> Tree:
        """Parse what is within a bracket that was taken: an expression, or several, which are a list."""
        if self.took(")"):
            return []
        inner = self.expression()
        if not self.is_next(","):
            self.need(")")
            return inner
        parts = [inner, *self.more(self.expression)]
        self.need(")")
        return parts

    def value(self) -> Tree:
        if self.next.kind == "text":
            return self.string()
        if self.next.kind == "number":
            return self.unsigned()
        if self.next.keyword in {"TRUE", "FALSE"}:
            return self.take().keyword == "TRUE"
        return self.call() if self.is_call() else self.property()

    def is_call(self) -> bool:
        following = self.tokens[min(self.at + 1, len(self.tokens) - 1)]
        if self.next.kind != "word" or self.next.keyword in _KEYWORDS:
            return False
        has_heights = self.next.keyword in _GEOMETRIES and following.keyword == "Z"
        return has_heights or (following.text == "(" and following.kind == "sign")

    def call(self) -> Tree:
        name = self.next.keyword
        if name in _GEOMETRIES:
            return self.geometry()
        written = self.take().text
        with self.deeper():
            if name in _INSTANTS:
                return {_INSTANTS[name]: self.alone(self.string)}
            if name == "BBOX":
                return {"bbox": self.listed(self.number)}
            if name == "INTERVAL":
                return {"interval": self.ends()}
            is_standard = name.lower() in TEXT_FUNCTIONS or name.startswith(_PREFIXES)
            args = self.arguments(is_of_lists=name.startswith("A_"))
            return {"op": _json_name(name) if is_standard else written, "args": args}

    def ends(self) -> list[Tree]:
        found = self.listed(self.value)
        if len(found) != 2:  # noqa: PLR2004  start and end
            self.at -= 1
            raise self.error("đầu và cuối khoảng thời gian", "the start and the end of an interval")
        return found

    def arguments(self, *, is_of_lists: bool) -> list[Tree]:
        following = self.tokens[self.at + 1]
        if following.kind == "sign" and following.text == ")":
            self.at += 2
            return []
        return self.listed(self.list_or_value if is_of_lists else self.expression)

    def list_or_value(self) -> Tree:
        """Parse a list, which brackets around a single value are too, or what is none."""
        if not self.is_next("("):
            return self.sum()
        self.take()
        with self.deeper():
            if self.took(")"):
                return []
            parts = [self.list_or_value(), *self.more(self.list_or_value)]
            self.need(")")
            return parts

    def geometry(self) -> Tree:
        start = self.take()
        open_brackets = 0
        self.took("Z")
        while True:
            token = self.take()
            open_brackets += {"(": 1, ")": -1}.get(token.text if token.kind == "sign" else "", 0)
            if open_brackets == 0 or token.kind == "end":
                break
            if token.keyword == "GEOMETRYCOLLECTION":
                raise Cql2SyntaxError(token.start + 1, "hình không phải tập hợp hình", "a shape that is no collection")
        try:
            shape = shapely.from_wkt(self.text[start.start : token.end])
        except shapely.errors.GEOSException:
            raise Cql2SyntaxError(start.start + 1, "hình dạng WKT", "a geometry in WKT") from None
        return dict(shapely.geometry.mapping(shape))

    def listed(self, part: Callable[[], Tree]) -> list[Tree]:
        self.need("(")
        parts = [part(), *self.more(part)]
        self.need(")")
        return parts

    def more(self, part: Callable[[], Tree]) -> list[Tree]:
        parts = []
        while self.took(","):
            parts.append(part())
        return parts

    def alone(self, part: Callable[[], Tree]) -> Tree:
        self.need("(")
        found = part()
        self.need(")")
        return found

    def string(self) -> str:
        if self.next.kind != "text":
            raise self.error("văn bản trong '…'", "a text in '…'")
        return self.take().text[1:-1].replace("''", "'")

    def number(self) -> int | float:
        sign = -1 if self.is_next("-") else 1
        self.took("-", "+")
        return sign * self.unsigned()

    def unsigned(self) -> int | float:
        if self.next.kind != "number":
            raise self.error("số", "a number")
        text = self.take().text
        return int(text) if len(text) <= _INTEGER_DIGITS and text.isdigit() else float(text)

    def property(self) -> Tree:
        token = self.next
        if token.kind not in {"word", "quoted"} or token.keyword in _KEYWORDS:
            raise self.error("tên trường hoặc giá trị", "a property or a value")
        self.take()
        is_quoted = token.kind == "quoted"
        return {"property": token.text[1:-1].replace('""', '"') if is_quoted else token.text}
