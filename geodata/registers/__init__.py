"""The registers, found by looking: each sub-package with a ``register`` module that holds ``REGISTER``."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from geodata.errors import UnknownRegisterError
from geodata.register import Register


def load_registers(package: ModuleType) -> Iterator[Register]:
    """Yield the register of every sub-package; a broken one raises, nothing is skipped."""
    for found in iter_modules(package.__path__):
        if found.ispkg:
            register = import_module(f"{package.__name__}.{found.name}.register").REGISTER
            if register.id != found.name:
                raise ValueError(f"folder {found.name} declares register {register.id}")
            yield register


_extra: dict[str, Register] = {}


@cache
def discover() -> Mapping[str, Register]:
    """Return all registers by id, in alphabetical order."""
    import geodata.registers as package  # noqa: PLC0415  the package itself, known only once it is imported

    found = {register.id: register for register in load_registers(package)} | _extra
    return dict(sorted(found.items()))


def add_register(register: Register) -> None:
    """Make a register known that lives outside this package (an add-on, or a test)."""
    _extra[register.id] = register
    discover.cache_clear()


def get_register(register_id: str) -> Register:
    """Return one register.

    Raises
    ------
    UnknownRegisterError
        When there is none of this id.
    """
    try:
        return discover()[register_id]
    except KeyError:
        raise UnknownRegisterError(register=register_id[:40]) from None
