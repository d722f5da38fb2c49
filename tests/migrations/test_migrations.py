"""The database as migrations make it: there and back, who may do what, what may never change."""

import io
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from geodata.db import SYSTEM, Actor, Database
from geodata.registers import discover
from service.cluster import EXTENSIONS
from tests.conftest import ROOT, TEMPLATE, Server

REGISTERS = discover()
IN_COMMUNES = [register.id for register in REGISTERS.values() if register.is_in_communes]
OWN_SCHEMAS = {"reg", "ops", "open", "staging"}

STRUCTURE = {
    "columns": "SELECT table_schema, table_name, column_name, column_default, is_nullable, data_type, udt_name "
    "FROM information_schema.columns WHERE table_schema = ANY(%s)",
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = ANY(%s)",
    "constraints": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE connamespace::regnamespace::text = ANY(%s)",
    "views": "SELECT viewname, definition FROM pg_views WHERE schemaname = ANY(%s)",
    "functions": "SELECT oid::regprocedure::text, prosrc, proacl::text FROM pg_proc "
    "WHERE pronamespace::regnamespace::text = ANY(%s)",
    "triggers": "SELECT event_object_table, trigger_name, event_manipulation, action_statement "
    "FROM information_schema.triggers WHERE trigger_schema = ANY(%s)",
    "policies": "SELECT tablename, policyname, roles::text, cmd, qual, with_check FROM pg_policies "
    "WHERE schemaname = ANY(%s)",
    "grants": "SELECT table_name, grantee, privilege_type FROM information_schema.role_table_grants "
    "WHERE table_schema = ANY(%s)",
}


def structure(server: Server, database: str) -> dict[str, list[str]]:
    """Return everything that migrations make, in an order of its own."""
    with server.administrator(database) as connection:
        return {
            name: sorted(str(row) for row in connection.execute(query.encode(), [list(OWN_SCHEMAS)]))
            for name, query in STRUCTURE.items()
        }


@contextmanager
def alembic(url: str) -> Iterator[Config]:
    """Give Alembic's commands a connection of the owner."""
    config = Config(ROOT / "alembic.ini", stdout=io.StringIO())
    with create_engine(url, poolclass=NullPool).connect() as connection:
        config.attributes["connection"] = connection
        yield config
        connection.commit()


def migrate(url: str, target: str) -> None:
    """Go up to ``head`` or by ``+1``, down to ``base`` or by ``-1``."""
    with alembic(url) as config:
        (command.downgrade if target == "base" or target.startswith("-") else command.upgrade)(config, target)


@pytest.fixture
def empty(server: Server, worker_name: str) -> Iterator[str]:
    """Name of an empty database: nothing but the extensions, which the administrator makes."""
    name = f"empty_{worker_name}"
    server.create(name)
    with server.administrator(name) as connection:
        for extension in EXTENSIONS:
            connection.execute(sql.SQL("CREATE EXTENSION {}").format(sql.Identifier(extension)))
    yield name
    server.drop(name)


def test_every_revision_can_be_taken_back_and_applied_again(server: Server, empty: str) -> None:
    url = server.url(empty)
    versions = list((ROOT / "migrations" / "versions").glob("*.py"))
    migrate(url, "+1")
    for _ in versions[1:]:
        before = structure(server, empty)
        migrate(url, "+1")
        after = structure(server, empty)
        migrate(url, "-1")
        assert structure(server, empty) == before
        migrate(url, "+1")
        assert structure(server, empty) == after


def test_up_down_and_up_again_gives_the_database_of_the_declarations(server: Server, empty: str) -> None:
    url = server.url(empty)
    migrate(url, "head")
    first = structure(server, empty)
    migrate(url, "base")
    assert not any(structure(server, empty).values())
    with server.administrator(empty) as connection:
        assert not OWN_SCHEMAS & {row[0] for row in connection.execute("SELECT nspname FROM pg_namespace")}
    migrate(url, "head")
    assert structure(server, empty) == first
    with alembic(url) as config:
        command.check(config)


# --- who may do what

UNIT_TABLES = "communes provinces"
WIDE_TABLES = f"addresses growing_areas ntm_results tourism_points villages {UNIT_TABLES}"
SLIM_TABLES = (
    "addresses_tile communes_tile growing_areas_tile ntm_results_tile provinces_tile tourism_points_tile villages_tile"
)
STATES = " ".join(f"{name}_{kind}" for name in WIDE_TABLES.split() for kind in ("states", "replaced"))
VIEWS = f"{WIDE_TABLES} {SLIM_TABLES} {STATES} addresses_finished addresses_grid addresses_placed addresses_placed_at_all addresses_written address_codes erasure publication_policy revision tile_stamp"
QUEUE = "procrastinate_events procrastinate_jobs procrastinate_periodic_defers procrastinate_workers"
GRANTS = [
    ("bandoso_public", "open", "SELECT", f"{VIEWS} search_entry"),
    ("bandoso_staff", "open", "SELECT", f"{VIEWS} search_entry"),
    ("bandoso_staff", "reg", "SELECT", f"{WIDE_TABLES} growing_area_markets"),
    ("bandoso_staff", "ops", "SELECT", f"{QUEUE} account account_scope api_key audit revision setting sign_in upload"),
    ("bandoso_staff", "ops", "INSERT", f"{QUEUE} audit sign_in upload"),
    ("bandoso_staff", "ops", "UPDATE", f"{QUEUE} api_key sign_in upload"),
    ("bandoso_staff", "ops", "DELETE", f"{QUEUE} sign_in"),
    ("bandoso_worker", "open", "SELECT", VIEWS),
    *(
        (
            "bandoso_worker", "reg", privilege,
            f"{WIDE_TABLES} {SLIM_TABLES} addresses_finished addresses_grid addresses_placed addresses_written address_codes growing_area_markets "
            "household_private search_entry",
        )
        for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE")
    ),
    (
        "bandoso_worker", "ops", "SELECT",
        f"{QUEUE} account account_scope audit change change_private column_memory edit_answer revision rollback setting tile_stamp upload webhook",
    ),
    ("bandoso_worker", "ops", "INSERT", f"{QUEUE} audit change change_private column_memory edit_answer revision rollback tile_stamp upload"),
    ("bandoso_worker", "ops", "UPDATE", f"{QUEUE} column_memory rollback tile_stamp upload webhook"),
    ("bandoso_worker", "ops", "DELETE", f"{QUEUE} change_private column_memory edit_answer rollback tile_stamp"),
    ("bandoso_auditor", "ops", "SELECT", "audit change revision"),
]  # fmt: skip


@pytest.mark.parametrize("role", ["bandoso_public", "bandoso_staff", "bandoso_worker", "bandoso_auditor", "PUBLIC"])
def test_each_role_has_the_agreed_grants_and_no_other(server: Server, role: str) -> None:
    query = (
        "SELECT table_schema, privilege_type, table_name FROM information_schema.role_table_grants "
        "WHERE grantee = %s AND table_schema = ANY(%s)"
    )
    with server.administrator(TEMPLATE) as connection:
        found = connection.execute(query, [role, [*OWN_SCHEMAS]]).fetchall()
    wanted = {
        (schema, privilege, table)
        for grantee, schema, privilege, tables in GRANTS
        if grantee == role
        for table in tables.split()
    }
    assert {tuple(row) for row in found} == wanted


@pytest.mark.parametrize(
    ("role", "schemas"),
    [
        ("bandoso_public", {"open"}),
        ("bandoso_staff", {"open", "reg", "ops"}),
        ("bandoso_worker", OWN_SCHEMAS),
        ("bandoso_auditor", {"ops"}),
    ],
)
def test_each_role_gets_into_its_schemas_only(server: Server, role: str, schemas: set[str]) -> None:
    query = "SELECT name FROM unnest(%s::text[]) name WHERE has_schema_privilege(%s, name, 'USAGE')"
    with server.administrator(TEMPLATE) as connection:
        assert {row[0] for row in connection.execute(query, [[*OWN_SCHEMAS], role])} == schemas


def test_no_role_of_ours_rises_above_its_grants(server: Server) -> None:
    query = (
        "SELECT rolname FROM pg_roles WHERE rolname LIKE 'bandoso%' AND (rolsuper OR rolbypassrls OR rolreplication)"
    )
    with server.administrator(TEMPLATE) as connection:
        assert connection.execute(query).fetchall() == []


def test_what_runs_with_the_owner_s_rights_is_open_to_those_who_need_it_only(server: Server) -> None:
    query = (
        "SELECT p.proname, string_agg(r.rolname, ' ' ORDER BY r.rolname) FROM pg_proc p JOIN pg_roles r "
        "ON r.rolname LIKE 'bandoso\\_%%' AND has_function_privilege(r.oid, p.oid, 'EXECUTE') "
        "WHERE p.prosecdef AND p.pronamespace::regnamespace::text = ANY(%s) GROUP BY 1"
    )
    with server.administrator(TEMPLATE) as connection:
        assert dict(connection.execute(query, [[*OWN_SCHEMAS]]).fetchall()) == {
            "address_card": "bandoso_public bandoso_staff",
            "find_address": "bandoso_public bandoso_staff",
            "history_end": "bandoso_public bandoso_staff bandoso_worker",
            "touched_ids": "bandoso_public bandoso_staff bandoso_worker",
            "begin_bulk_load": "bandoso_worker",
            "end_bulk_load": "bandoso_worker",
            "settle_bulk_load": "bandoso_worker",
            "analyze_tile_stamps": "bandoso_worker",
            "analyze_derived": "bandoso_worker",
        }


# --- what staff sees


def communes_of(sample_database: Database, table: str) -> dict[str, int]:
    """Return how many rows of a register each commune has, fewest first."""
    with sample_database.worker() as connection:
        rows = connection.execute(text(f"SELECT commune_code, count(*) FROM reg.{table} GROUP BY 1 ORDER BY 2, 1"))
        return {row[0]: row[1] for row in rows}


@pytest.mark.parametrize("table", IN_COMMUNES)
def test_staff_sees_the_records_of_its_communes_and_no_other(sample_database: Database, table: str) -> None:
    counts = communes_of(sample_database, table)
    commune = next(iter(counts))
    assert len(counts) > 1
    query = text(f"SELECT commune_code, count(*) FROM reg.{table} GROUP BY 1")
    with sample_database.staff(Actor("cán bộ", (commune, "99999"))) as connection:
        assert {row[0]: row[1] for row in connection.execute(query)} == {commune: counts[commune]}
    with sample_database.staff(Actor("không xã nào", ())) as connection:
        assert connection.execute(query).all() == []


@pytest.mark.parametrize("table", [*REGISTERS])
def test_staff_without_bounds_sees_every_record(sample_database: Database, table: str) -> None:
    query = text(f"SELECT count(*) FROM reg.{table}")
    with sample_database.worker() as connection:
        everything = connection.scalar(query)
    with sample_database.staff(SYSTEM) as connection:
        assert connection.scalar(query) == everything


@pytest.mark.parametrize("table", [*REGISTERS])
def test_staff_that_names_nobody_sees_nothing(sample_database: Database, table: str) -> None:
    with sample_database._staff.connect() as connection:
        assert connection.scalar(text(f"SELECT count(*) FROM reg.{table}")) == 0


@pytest.mark.parametrize("table", [*REGISTERS])
def test_row_level_security_is_on_for_every_register(sample_database: Database, table: str) -> None:
    with sample_database.worker() as connection:
        query = text("SELECT relrowsecurity FROM pg_class WHERE oid = CAST(:name AS regclass)")
        assert connection.scalar(query, {"name": f"reg.{table}"}) is True


# --- what may never change


@pytest.mark.parametrize("table", ["change", "audit"])
@pytest.mark.parametrize("statement", ["UPDATE ops.{0} SET {1} = {1}", "DELETE FROM ops.{0}", "TRUNCATE ops.{0}"])
def test_history_and_audit_refuse_every_change_even_the_owner_s(sample_url: str, table: str, statement: str) -> None:
    column = {"change": "revision", "audit": "actor"}[table]
    with psycopg.connect(sample_url.replace("+psycopg", "")) as connection:
        rows = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("ops", table))).fetchone()
        assert rows != (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            connection.execute(statement.format(table, column).encode())
        connection.rollback()


def test_every_geometry_column_says_its_type_and_system(server: Server) -> None:
    query = (
        "SELECT f_table_name, f_geometry_column, type, srid, coord_dimension FROM geometry_columns "
        "WHERE f_table_schema = 'reg'"
    )
    with server.administrator(TEMPLATE) as connection:
        found = {tuple(row[:2]): tuple(row[2:]) for row in connection.execute(query)}
    wanted = {(register.id, "geom"): register.geometry_kind for register in REGISTERS.values()}
    assert {key: found[key][0] for key in wanted} == {
        key: {"point": "POINT", "polygon": "MULTIPOLYGON"}[kind] for key, kind in wanted.items()
    }
    assert {kind for kind, _, _ in found.values()} == {"POINT", "MULTIPOLYGON"}
    assert all(dimension == 2 for _, _, dimension in found.values())
    of_tiles = ("_tile", 3857), ("_placed", 0)
    for (name, _), (_, srid, _) in found.items():
        assert srid == next((system for ending, system in of_tiles if name.endswith(ending)), 4326)


# --- bulk loads

BULKS = {
    "addresses": ("household_private", "address_codes", "addresses"),
    **{name: (name,) for name in ("growing_areas", "tourism_points", "villages", "growing_area_markets")},
    **{name: (name,) for name in ("addresses_tile", "growing_areas_tile", "tourism_points_tile", "villages_tile")},
    "addresses_grid": ("addresses_grid",),
}


def indexes_and_constraints(connection: Connection, tables: tuple[str, ...]) -> list[tuple[object, ...]]:
    """Return what a bulk load sets aside, as the catalogue has it."""
    found = connection.execute(
        text(
            "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'reg' AND tablename = ANY(:tables) "
            "UNION ALL SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) || convalidated "
            "FROM pg_constraint WHERE conrelid = ANY(CAST(:names AS regclass[])) ORDER BY 1, 2, 3"
        ),
        {"tables": list(tables), "names": [f"reg.{table}" for table in tables]},
    )
    return [tuple(row) for row in found]


def begin(connection: Connection, table: str) -> bool:
    """Set indexes and constraints of a table aside."""
    return bool(connection.scalar(text("SELECT ops.begin_bulk_load(:table)"), {"table": table}))


def end(connection: Connection, table: str) -> None:
    """Bring them back."""
    connection.execute(text("SELECT ops.end_bulk_load(:table)"), {"table": table})


def settle(connection: Connection) -> None:
    """Do what bulk loads left for after their commit."""
    connection.execute(text("SELECT ops.settle_bulk_load()"))


@pytest.mark.parametrize("tables", BULKS.values(), ids=BULKS)
def test_indexes_and_constraints_are_all_back_after_a_bulk_load(
    connection: Connection, tables: tuple[str, ...]
) -> None:
    before = indexes_and_constraints(connection, tables)
    for table in tables:
        assert begin(connection, table)
    during = indexes_and_constraints(connection, tables)
    for table in reversed(tables):
        end(connection, table)
    unsettled = indexes_and_constraints(connection, tables)
    settle(connection)
    assert indexes_and_constraints(connection, tables) == before
    assert {one[1] for one in during} < {one[1] for one in before}
    assert not any("USING gist" in str(one[2]) for one in during)
    # What is left for after the commit is the check of a record's parts, and nothing else.
    assert [one[1] for one in unsettled] == [one[1] for one in before]
    assert all("ON DELETE CASCADE NOT VALID" in str(one[2]) for one in set(unsettled) - set(before))


def test_parts_of_no_record_are_found_once_a_bulk_load_is_settled(connection: Connection) -> None:
    for table in BULKS["addresses"]:
        assert begin(connection, table)
    connection.execute(text("INSERT INTO reg.household_private (feature_id, head_name) VALUES (77, 'Nguyễn Văn A')"))
    for table in reversed(BULKS["addresses"]):
        end(connection, table)
    with pytest.raises(IntegrityError, match="fk_household_private_feature_id"):
        settle(connection)


def test_parts_of_no_record_are_refused_at_once_before_a_bulk_load_is_settled(connection: Connection) -> None:
    for table in BULKS["addresses"]:
        assert begin(connection, table)
    for table in reversed(BULKS["addresses"]):
        end(connection, table)
    with pytest.raises(IntegrityError, match="fk_household_private_feature_id"):
        connection.execute(text("INSERT INTO reg.household_private (feature_id, head_name) VALUES (77, 'A')"))


def test_a_bulk_load_that_is_rolled_back_leaves_everything_as_it_was(scratch_url: str) -> None:
    tables = BULKS["addresses"]
    with create_engine(scratch_url, poolclass=NullPool).connect() as connection:
        before = indexes_and_constraints(connection, tables)
        for table in tables:
            assert begin(connection, table)
        assert indexes_and_constraints(connection, tables) != before
        connection.rollback()
        assert indexes_and_constraints(connection, tables) == before


@pytest.mark.parametrize("table", ["addresses", "communes", "provinces_tile", "search_entry"])
def test_a_filled_table_keeps_its_indexes_and_constraints(sample_database: Database, table: str) -> None:
    with sample_database.worker() as connection:
        before = indexes_and_constraints(connection, (table,))
        assert not begin(connection, table)
        assert indexes_and_constraints(connection, (table,)) == before


def test_doubles_that_came_in_without_an_index_do_not_stay(connection: Connection) -> None:
    assert begin(connection, "villages")
    row = "(1, 'Thôn Một', 'thon', '14329', ST_SetSRID(ST_MakePoint(105.9, 20.3), 4326))"
    connection.execute(
        text(f"INSERT INTO reg.villages (revision, name, kind, commune_code, point) VALUES {row}, {row}")
    )
    with pytest.raises(IntegrityError, match="uq_villages_commune_code_name"):
        end(connection, "villages")


@pytest.mark.parametrize("name", ["pg_class", "no_such_table", "villages; DROP TABLE reg.villages", "ops.audit"])
def test_only_tables_of_the_registers_can_be_loaded_in_bulk(connection: Connection, name: str) -> None:
    with pytest.raises(ProgrammingError, match="does not exist"):
        begin(connection, name)
