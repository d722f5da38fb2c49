"""What OpenAPI 3.0 writes otherwise than 3.1."""

from typing import Any


def downgrade(part: Any) -> Any:
    """Rewrite what 3.0 writes otherwise: nullable instead of a null type, enum instead of const."""
    if isinstance(part, list):
        return [downgrade(item) for item in part]
    if not isinstance(part, dict):
        return part
    found = {name: downgrade(value) for name, value in part.items()}
    if "const" in found:
        found["enum"] = [found.pop("const")]
    if isinstance(found.get("anyOf"), list) and {"type": "null"} in found["anyOf"]:
        rest = [item for item in found["anyOf"] if item != {"type": "null"}]
        found.pop("anyOf")
        found |= rest[0] if len(rest) == 1 else {"anyOf": rest}
        found["nullable"] = True
    found.pop("contentMediaType", None)
    return found
