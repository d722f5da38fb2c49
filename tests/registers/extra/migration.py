"""The one migration of the facilities: their tables, then the views, grants and policies of the declaration."""

from sqlalchemy import Connection

from geodata.db import Base
from geodata.ddl import register_statements
from geodata.derived import finished_table, grid_table, placed_table, tile_table, written_table
from geodata.registers import get_register


def upgrade(connection: Connection) -> None:
    """Apply the change."""
    register = get_register("facilities")
    derived = (tile_table, placed_table, written_table, grid_table, finished_table)
    tables = [register.table, *(table(register) for table in derived)]
    Base.metadata.create_all(connection, tables=tables, checkfirst=False)
    for statement in register_statements(register):
        connection.exec_driver_sql(statement)
