"""Search by name or code: Vietnamese typed with or without accents, words begun or whole."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from geodata.features import read_versions
from geodata.text import search_key

MAX_QUERY = 100
MIN_CODE = 8

_BY_NAME = text("""
SELECT json_build_object('type', 'Feature', 'id', e.feature_uuid, 'geometry', ST_AsGeoJSON(e.point, 7, 0)::json,
    'properties', json_build_object('register', e.register, 'uuid', e.feature_uuid, 'label', e.label, 'code', e.code,
        'context', CASE WHEN e.register <> 'communes' THEN c.full_name END))::text
FROM open.search_entry e
LEFT JOIN open.communes c ON c.code = e.commune_code AND c.valid_to IS NULL
WHERE e.key LIKE ALL (:patterns)
ORDER BY (e.key = ' ' || :key) DESC, (e.key LIKE '% ' || :key || '%') DESC,
    array_position(ARRAY['provinces', 'communes', 'villages'], e.register), length(e.key), e.label, e.feature_id
LIMIT :limit
""")

_BY_CODE = text("""
SELECT (card || jsonb_build_object('properties', (card -> 'properties') || jsonb_build_object(
    'register', 'addresses', 'uuid', card ->> 'id', 'label', card -> 'properties' ->> 'code', 'context', c.full_name)))::text
FROM (SELECT open.address_card(open.find_address(:code)) AS card) found
LEFT JOIN open.communes c ON c.code = card -> 'properties' ->> 'commune_code' AND c.valid_to IS NULL
WHERE card IS NOT NULL
""")


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What someone typed."""

    words: str
    limit: int = 10


def looks_like_code(words: str) -> bool:
    """Whether what was typed may be the code of an address: at least half of it is digits."""
    plain = "".join(search_key(words).split())
    return len(plain) >= MIN_CODE and sum(mark.isdigit() for mark in plain) * 2 >= len(plain)


def find(connection: Connection, query: SearchQuery) -> list[str]:
    """Return what the words may mean, best first, as GeoJSON features in text.

    An address is found by its exact code only; everything that has a name is found by the beginnings of its words,
    in any order, accents or not.
    """
    key = search_key(query.words[:MAX_QUERY])
    if not key:
        return []
    code = "".join(key.split()).upper()
    # A register that is being loaded for the first time is locked: what was never published need not be looked for.
    may_be_address = looks_like_code(query.words) and "addresses" in read_versions(connection)
    found = list(connection.scalars(_BY_CODE, {"code": code})) if may_be_address else []
    patterns = [f"% {word}%" for word in key.split()]
    by_name = connection.scalars(_BY_NAME, {"patterns": patterns, "key": key, "limit": query.limit})
    return [*found, *by_name][: query.limit]
