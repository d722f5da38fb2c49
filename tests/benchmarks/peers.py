"""What the peers are given to serve: plain tables of the same records, and the product's own statement as a function."""

from collections.abc import Sequence

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from geodata.register import Register
from tests.conftest import Server
from tiles.sql import tile_sql

ROLE = "bench_peer"
OWN_STATEMENT = "own_statement"
"""A function that runs the product's statement, for a server that can call one."""


def peer_url(server: Server, database: str) -> str:
    """Make the peers' role, with the planner settings that the product uses; return a URL over loopback TCP."""
    url = make_url(server.url(database))
    role = sql.Identifier(ROLE)
    with server.administrator(database) as connection:
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone() is None:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, sql.Literal(url.password)))
        for name, value in (("jit", "off"), ("max_parallel_workers_per_gather", "0")):
            statement = sql.SQL("ALTER ROLE {} SET {} = {}")
            connection.execute(statement.format(role, sql.Identifier(name), sql.Literal(value)))
    port = server.cluster.directory.read_port()
    address = url.set(drivername="postgresql", username=ROLE, host="127.0.0.1", port=port, query={})
    return address.render_as_string(hide_password=False)


def public_table(register: Register) -> str:
    """Name the peers' table of everything public."""
    return f"{register.id}_peer"


def slim_table(register: Register) -> str:
    """Name the peers' copy of the product's slim table."""
    return f"{register.id}_slim"


def copy_public(connection: psycopg.Connection, register: Register) -> None:
    """Copy all that is public of a register, in the order of its file, with the first of its geometries."""
    columns = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0", [f"open.{register.id}"]
    )
    left_out = {register.point.key} if register.point is not None else set()
    names = [name for (name,) in columns if name not in left_out]
    kind = "Point" if register.geometry_kind == "point" else "MultiPolygon"
    rows = f"SELECT {', '.join(names)} FROM open.{register.id} ORDER BY id"
    _copy(connection, public_table(register), rows, (register.geometry.key, kind))


def copy_slim(connection: psycopg.Connection, register: Register) -> None:
    """Copy the slim table of a register of points, in its order."""
    _copy(connection, slim_table(register), f"SELECT * FROM reg.{register.id}_tile", ("point", "Point"))


def _copy(connection: psycopg.Connection, name: str, rows: str, geometry: Sequence[str]) -> None:
    column, kind = geometry
    connection.execute("SET search_path = public")
    connection.execute(f"DROP TABLE IF EXISTS {name}")
    connection.execute(f"CREATE TABLE {name} AS {rows}")
    connection.execute(f"ALTER TABLE {name} ADD PRIMARY KEY (id)")
    srid = connection.execute(f"SELECT ST_SRID({column}) FROM {name} WHERE {column} IS NOT NULL LIMIT 1").fetchone()
    assert srid is not None
    connection.execute(f"ALTER TABLE {name} ALTER COLUMN {column} TYPE geometry({kind}, {srid[0]})")
    connection.execute(f"CREATE INDEX ON {name} USING gist ({column})")
    connection.execute(f"GRANT SELECT ON {name} TO {ROLE}")


def make_own_statement(connection: psycopg.Connection, layers: tuple[str, ...], z: int) -> None:
    """Make a function (z, x, y) of the product's own statement for one zoom."""
    # Of the function's arguments the second and the third are x and y.
    statement = tile_sql(layers, z).replace("$2", "$3").replace("$1", "$2")
    connection.execute(f"DROP FUNCTION IF EXISTS public.{OWN_STATEMENT}")
    connection.execute(
        f"CREATE FUNCTION public.{OWN_STATEMENT}(z integer, x integer, y integer) RETURNS bytea"
        f" LANGUAGE plpgsql STABLE AS $$ #variable_conflict use_column\nBEGIN RETURN (SELECT tile FROM ({statement}) s); END $$"
    )
    connection.execute(f"GRANT bandoso_public TO {ROLE}")


def forget_statements(server: Server) -> None:
    """Forget what the database has noted so far."""
    with server.administrator("bandoso") as connection:
        connection.execute("SELECT pg_stat_statements_reset()")


def statements_of_peers(server: Server, limit: int = 12) -> list[tuple[int, str]]:
    """Return what the peers have asked the database for tiles, most often asked first: calls and text."""
    with server.administrator("bandoso") as connection:
        rows = connection.execute(
            "SELECT sum(calls), regexp_replace(query, '\\s+', ' ', 'g') AS text FROM pg_stat_statements s"
            " JOIN pg_roles r ON r.oid = s.userid WHERE r.rolname = %s AND toplevel AND query ~* 'ST_AsMVT|own_statement|GeoJSON'"
            " GROUP BY 2 ORDER BY 1 DESC LIMIT %s",
            [ROLE, limit],
        ).fetchall()
    return [(int(calls), str(text)) for calls, text in rows]
