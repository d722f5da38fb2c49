"""Bringing an installation up: its settings in the database, the unit lists, the sample and its officer."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, NullPool, create_engine, select, text

from geodata.accounts import User
from geodata.db import Database
from geodata.importing.publish import Published, settle
from geodata.redrawing import change_policy, redraw_marked
from geodata.registers import get_register
from geodata.sample.marks import COMMUNE_CODES
from geodata.units.load import load_reference, publish_boundaries
from service.auth import accounts, audit
from service.settings import ServiceSettings
from service.supervisor_options import LOGIN_FILE

SAMPLE_OFFICER = "canbo-mau"
OUTLINES = Path(__file__).parent.parent / "geodata" / "reference" / "outlines" / "provinces.geojson"


@contextmanager
def owner(settings: ServiceSettings) -> Iterator[Connection]:
    """Open one transaction of the database's owner, for what no other role may do."""
    engine = create_engine(settings.sqlalchemy_url, poolclass=NullPool)
    with engine.begin() as connection:
        yield connection


def apply_settings(settings: ServiceSettings) -> None:
    """Write into the database what it applies itself: the publication policy."""
    settings.require_complete()
    with owner(settings) as connection:
        if change_policy(connection, settings.effective_policy):
            audit.note(connection, "setting.publication_policy", actor="system", target=settings.effective_policy)


def redraw_areas(settings: ServiceSettings) -> dict[str, int]:
    """Draw anew what an update draws otherwise; returns the revisions by register."""
    with owner(settings) as connection:
        drawn = redraw_marked(connection)
        for name, revision in drawn.items():
            _note(connection, "tiles.redraw", name, revision)
    return drawn


def load_units(database: Database) -> dict[str, int]:
    """Load the unit lists, and the generalised province outlines where no better boundary is there."""
    lists = load_reference(database, partial(_note_published, "units.load"))
    counts = {name: published.counts.added for name, published in lists.items()}
    with database.read() as connection:
        drawn = connection.scalar(text("SELECT count(*) FROM open.provinces WHERE geom IS NOT NULL"))
    if not drawn:
        with database.worker() as connection:
            found = publish_boundaries(connection, OUTLINES, get_register("provinces"), code_column="code")
            _note(connection, "units.load", "provinces", found.revision)
        counts["province outlines"] = len(found.matched)
    settle(database)
    return counts


def load_sample(settings: ServiceSettings, seed: int, *, if_empty: bool) -> dict[str, int]:
    """Load the sample data and make its officer, with a password of this installation's own."""
    from geodata.sample.load import load_sample as load  # noqa: PLC0415  nothing else needs the generator

    with Database(settings) as database:
        counts = load(database, seed, if_empty=if_empty, conclude=partial(_note_published, "sample.load"))
        settle(database)
    make_sample_officer(settings)
    return counts


def _note_published(action: str, connection: Connection, published: Published) -> None:
    _note(connection, action, published.report.register, published.revision)


def _note(connection: Connection, action: str, register: str, revision: int | None) -> None:
    """Write into the audit, with the publish, that the system itself made a revision."""
    if revision is not None:
        audit.note(connection, action, actor="system", target=register, revision=revision)


def make_sample_officer(settings: ServiceSettings) -> None:
    """Make the sample's officer once; the login is written to a file that only the operator can read.

    An officer whose login is lost is made anew; one that the operator disabled stays so.
    """
    path = settings.var_dir / LOGIN_FILE
    with owner(settings) as connection:
        found = connection.execute(select(User.id, User.is_disabled).where(User.username == SAMPLE_OFFICER)).first()
        if found is not None and (path.exists() or found.is_disabled):
            return
        if found is not None:
            connection.execute(text("DELETE FROM ops.account WHERE id = :id"), {"id": found.id})
        password = secrets.token_urlsafe(12)
        accounts.add_account(
            connection,
            accounts.NewAccount(SAMPLE_OFFICER, "Cán bộ mẫu", "commune_officer", password, COMMUNE_CODES),
        )
        audit.note(connection, "account.add", actor="system", target=SAMPLE_OFFICER, role="commune_officer")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(f"{SAMPLE_OFFICER}\n{password}\n", encoding="utf-8")
