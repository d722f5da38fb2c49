"""The one migration of the facilities: their tables, then the views, grants and policies of the declaration."""

from sqlalchemy import Connection

from geodata.db import Base
from geodata.ddl import register_statements
from geodata.derived import grid_table, placed_table, tile_table
from geodata.registers import get_register


def upgrade(connection: Connection) -> None:
    """Apply the change."""
    register = get_register("facilities")
    tables = [register.table, tile_table(register), placed_table(register), grid_table(register)]
    Base.metadata.create_all(connection, tables=tables, checkfirst=False)
    for statement in register_statements(register):
        connection.exec_driver_sql(statement)
