"""Pages of items that were given lately, in the memory of one process: given again as long as the register's state is the same."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime

_OVERHEAD = 3000
"""Bytes that a page costs beside its body, roughly: headers, its name, table slots."""

State = tuple[int, str, str]
"""A register's revision, the publication policy, and the database's mark."""


@dataclass(frozen=True, slots=True)
class KeptPage:
    """A page in one coding.

    Attributes
    ----------
    headers : dict of str
        All but those that every answer has.
    dated : datetime
        When the state that it shows came to be.
    """

    state: State
    dated: datetime
    headers: dict[str, str]
    body: bytes


class KeptPages:
    """Keeps the pages that were asked for last, as many as fit.

    Parameters
    ----------
    most_bytes : int
        Of memory; 0 keeps none.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = self._left = most_bytes
        self._pages: OrderedDict[Hashable, KeptPage] = OrderedDict()

    def find(self, name: Hashable) -> KeptPage | None:
        """Return the page of this name, whatever state it shows."""
        page = self._pages.get(name)
        if page is not None:
            self._pages.move_to_end(name)
        return page

    def keep(self, name: Hashable, page: KeptPage) -> None:
        """Keep a page in place of another of its name, unless it would be too large alone."""
        self._drop(self._pages.pop(name, None))
        if len(page.body) + _OVERHEAD > self._most:
            return
        self._pages[name] = page
        self._left -= len(page.body) + _OVERHEAD
        while self._left < 0:
            self._drop(self._pages.popitem(last=False)[1])

    def _drop(self, page: KeptPage | None) -> None:
        self._left += len(page.body) + _OVERHEAD if page is not None else 0
