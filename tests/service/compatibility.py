"""Which changes of an OpenAPI document break programs that were written for it.

A program may send whatever the old document allows, and read whatever the old document promises. What is sent may be widened,
what is answered may be enriched; everything else is breaking.
"""

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

_LEAST, _MOST = ("minimum", "minLength", "minItems"), ("maximum", "maxLength", "maxItems")
_FIXED = ("pattern", "format", "default", "style", "explode")


def breaking_changes(old: Json, new: Json) -> list[str]:
    """Return what breaks, a line each; none where every program goes on working."""
    found = []
    for path, methods in old["paths"].items():
        for method, operation in methods.items():
            at = f"{method.upper()} {path}"
            after = new["paths"].get(path, {}).get(method)
            found += [f"{at} is gone"] if after is None else _Comparison(old, new).operation(at, operation, after)
    return found


class _Comparison:
    """Compares parts of two documents, following references within each."""

    def __init__(self, old: Json, new: Json) -> None:
        self.old, self.new = old, new

    def operation(self, at: str, old: Json, new: Json) -> Iterator[str]:
        """Yield what breaks in one operation."""
        yield from self._parameters(at, old.get("parameters", []), new.get("parameters", []))
        yield from self._body(f"{at} body", old.get("requestBody"), new.get("requestBody"))
        for status, answer in old["responses"].items():
            if not status.startswith("2") and status != "304":
                continue
            if status not in new["responses"]:
                yield f"{at} answers {status} no more"
                continue
            after = new["responses"][status].get("content", {})
            for media, content in answer.get("content", {}).items():
                if media not in after:
                    yield f"{at} {status} is no longer {media}"
                else:
                    yield from self.answered(
                        f"{at} {status}", content.get("schema", {}), after[media].get("schema", {})
                    )

    def _parameters(self, at: str, old: list[Json], new: list[Json]) -> Iterator[str]:
        before, after = ({(one["in"], one["name"]): one for one in listed} for listed in (old, new))
        for key, one in before.items():
            name = f"{at} {key[0]} {key[1]}"
            if key not in after:
                yield f"{name} is gone"
                continue
            if after[key].get("required", False) and not one.get("required", False):
                yield f"{name} is required"
            yield from _differing(name, one, after[key], ("style", "explode"))
            yield from self.sent(name, one.get("schema", {}), after[key].get("schema", {}))
        for key, one in after.items():
            if key not in before and one.get("required", False):
                yield f"{at} {key[0]} {key[1]} is new and required"

    def _body(self, at: str, old: Json | None, new: Json | None) -> Iterator[str]:
        if new is None:
            yield from [f"{at} is taken no more"] if old is not None else []
            return
        if new.get("required", False) and not (old or {}).get("required", False):
            yield f"{at} is required"
        for media, content in (old or {}).get("content", {}).items():
            if media not in new["content"]:
                yield f"{at} is taken as {media} no more"
            else:
                yield from self.sent(at, content.get("schema", {}), new["content"][media].get("schema", {}))

    def sent(self, at: str, old: Json, new: Json) -> Iterator[str]:
        """Yield what may be sent no more."""
        old, new = _resolved(self.old, old), _resolved(self.new, new)
        if new.get("type", old.get("type")) != old.get("type") and "type" in new:
            yield f"{at} is {new['type']}, was {old.get('type', 'anything')}"
            return
        yield from _narrowed(at, old, new)
        for name, part in old.get("properties", {}).items():
            if name in new.get("properties", {}):
                yield from self.sent(f"{at}.{name}", part, new["properties"][name])
            elif new.get("additionalProperties") is False:
                yield f"{at}.{name} is taken no more"
        if "items" in old and "items" in new:
            yield from self.sent(f"{at}[]", old["items"], new["items"])

    def answered(self, at: str, old: Json, new: Json) -> Iterator[str]:
        """Yield what is answered no more, or otherwise."""
        old, new = _resolved(self.old, old), _resolved(self.new, new)
        if "type" in old and new.get("type") != old["type"]:
            yield f"{at} is {new.get('type', 'anything')}, was {old['type']}"
            return
        if new.get("nullable", False) and not old.get("nullable", False):
            yield f"{at} may be null"
        for name in set(old.get("required", [])) - set(new.get("required", [])):
            yield f"{at}.{name} may be missing"
        for name, part in old.get("properties", {}).items():
            if name not in new.get("properties", {}):
                yield f"{at}.{name} is gone"
            else:
                yield from self.answered(f"{at}.{name}", part, new["properties"][name])
        if "items" in old:
            yield from self.answered(f"{at}[]", old["items"], new.get("items", {}))


def _narrowed(at: str, old: Json, new: Json) -> Iterator[str]:
    """Yield which values of a schema may be sent no more."""
    if "enum" in new and not set(map(str, old.get("enum", ["anything"]))) <= set(map(str, new["enum"])):
        yield f"{at} takes fewer values"
    for name in _LEAST:
        if new.get(name, float("-inf")) > old.get(name, float("-inf")):
            yield f"{at} {name} is {new[name]}, was {old.get(name, 'none')}"
    for name in _MOST:
        if new.get(name, float("inf")) < old.get(name, float("inf")):
            yield f"{at} {name} is {new[name]}, was {old.get(name, 'none')}"
    yield from _differing(at, old, new, _FIXED)
    for name in set(new.get("required", [])) - set(old.get("required", [])):
        yield f"{at}.{name} is required"


def _differing(at: str, old: Json, new: Json, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        is_new_bound = name in new and new[name] != old.get(name)
        if is_new_bound or (name == "default" and name in old and name not in new):
            yield f"{at} {name} is {new.get(name, 'none')}, was {old.get(name, 'none')}"


def _resolved(document: Json, schema: Json) -> Json:
    while "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema
