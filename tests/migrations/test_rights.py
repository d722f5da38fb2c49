"""What the grants alone do not tell: who stays out whatever is asked, and what several processes do at once."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from geodata.db import STAFF_ROLE, WORKER_ROLE, Actor, Database
from service.cluster import EXTENSIONS, OWNER
from tests.conftest import ROOT, TEMPLATE, Server, settings_for

VERSIONS = ROOT / "migrations" / "versions"
MAY_BE_IMPORTED = {"alembic", "sqlalchemy", "geoalchemy2", "migrations", "collections"}


@pytest.fixture
def scratch(scratch_url: str) -> Iterator[Database]:
    found = Database(settings_for(scratch_url, write_pool_size=1))
    yield found
    found.dispose()


# --- migrations


def test_revisions_follow_each_other_in_one_line() -> None:
    scripts = ScriptDirectory.from_config(Config(ROOT / "alembic.ini"))
    revisions = [script.revision for script in scripts.walk_revisions()][::-1]
    assert len(scripts.get_heads()) == 1
    assert [scripts.get_revision(revision).down_revision for revision in revisions] == [None, *revisions[:-1]]


@pytest.mark.parametrize("path", sorted(VERSIONS.glob("*.py")), ids=lambda path: path.stem)
def test_a_migration_imports_nothing_that_may_change_after_it(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [part.name for part in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        imported |= {name.partition(".")[0] for name in names}
    assert imported <= MAY_BE_IMPORTED


def test_several_processes_may_migrate_at_once(server: Server, worker_name: str) -> None:
    name = f"at_once_{worker_name}"
    url = server.create(name)
    with server.administrator(name) as connection:
        for extension in EXTENSIONS:
            connection.execute(sql.SQL("CREATE EXTENSION {}").format(sql.Identifier(extension)))
    arguments = [sys.executable, "-m", "alembic", "upgrade", "head"]
    processes = [
        subprocess.Popen(
            arguments, env={"DATABASE_URL": url}, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for _ in range(2)
    ]
    output = [process.communicate(timeout=120)[0].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], output
    server.drop(name)


# --- rights


def test_the_public_cannot_write_even_where_a_grant_slipped_in(scratch_url: str, scratch: Database) -> None:
    with create_engine(scratch_url, poolclass=NullPool).begin() as owner:
        owner.execute(text("GRANT USAGE ON SCHEMA reg TO bandoso_public"))
        owner.execute(text("GRANT ALL ON reg.villages TO bandoso_public"))
    with scratch.read() as connection, pytest.raises(SQLAlchemyError, match="read-only transaction"):
        connection.execute(text("DELETE FROM reg.villages"))


def test_the_communes_of_one_officer_are_forgotten_in_the_next_transaction(scratch: Database) -> None:
    query = text("SELECT count(*) FROM reg.communes")
    with scratch.staff(Actor("tỉnh", None)) as connection:
        assert connection.scalar(query) == 3321
    with scratch._staff.connect() as connection:
        assert connection.scalar(query) == 0


def test_only_the_worker_makes_tables_and_only_in_staging(server: Server) -> None:
    query = (
        "SELECT rolname, s FROM pg_roles, unnest(%s::text[]) s "
        "WHERE rolname LIKE 'bandoso\\_%%' AND has_schema_privilege(rolname, s, 'CREATE')"
    )
    with server.administrator(TEMPLATE) as connection:
        found = connection.execute(query, [["open", "ops", "reg", "staging", "public"]]).fetchall()
    assert found == [(WORKER_ROLE, "staging")]


def test_what_runs_with_the_owner_s_rights_looks_up_names_in_its_own_path(server: Server) -> None:
    query = (
        "SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace::regnamespace::text IN ('open', 'ops', 'reg') "
        "AND NOT coalesce(proconfig::text LIKE '%search_path=%', false)"
    )
    with server.administrator(TEMPLATE) as connection:
        assert connection.execute(query).fetchall() == []


@pytest.mark.parametrize("role", [WORKER_ROLE, STAFF_ROLE, "bandoso_auditor", OWNER])
@pytest.mark.parametrize("table", ["ops.change", "ops.audit"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = NULL", "DELETE FROM {}", "TRUNCATE {}"])
def test_nobody_changes_the_history_or_the_audit(connection: Connection, role: str, table: str, statement: str) -> None:
    connection.execute(text("INSERT INTO ops.audit (actor, action, outcome) VALUES ('a', 'b', 'ok')"))
    connection.execute(text("INSERT INTO ops.change VALUES ('a', 2, 1, gen_random_uuid(), 'U', '{}')"))
    column = "before" if table == "ops.change" else "target"
    connection.execute(text("SELECT set_config('role', :role, true)"), {"role": role})
    with pytest.raises(SQLAlchemyError) as refusal:
        connection.execute(text(statement.format(table, column)))
    assert refusal.value.orig.sqlstate == "42501"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "statement", ["UPDATE ops.revision SET author = 'x'", "DELETE FROM ops.revision", "TRUNCATE ops.revision"]
)
def test_the_worker_cannot_rewrite_revisions(connection: Connection, statement: str) -> None:
    with pytest.raises(SQLAlchemyError, match="permission denied"):
        connection.execute(text(statement))


def test_numbers_of_the_audit_cannot_be_chosen(connection: Connection) -> None:
    with pytest.raises(SQLAlchemyError, match="GENERATED ALWAYS"):
        connection.execute(text("INSERT INTO ops.audit (id, actor, action, outcome) VALUES (1, 'a', 'b', 'ok')"))
