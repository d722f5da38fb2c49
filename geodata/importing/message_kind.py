"""What one kind of message is; the kinds themselves are in `geodata.importing.messages` and the modules it names."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Level = Literal["error", "warning", "info"]


class Sentences(NamedTuple):
    """One text in the two languages, Vietnamese first."""

    vi: str
    en: str


@dataclass(frozen=True, slots=True)
class MessageKind:
    """One kind of message; the sentences take their values from the message's detail."""

    level: Level
    vi: str
    en: str
    remedy_vi: str
    remedy_en: str
