"""Settings of the data layer, read from the environment once by whoever starts a process."""

from contextlib import suppress
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from geodata.errors import SettingsError

PublicationPolicy = Literal["code_point", "lookup", "aggregate"]


class GeodataSettings(BaseSettings):
    """Where the data lives and what of it may be public.

    Attributes
    ----------
    database_url : str
        SQLAlchemy URL of the owner role, ``postgresql+psycopg://…`` (plain ``postgresql://`` is accepted).
    publication_policy : {"code_point", "lookup", "aggregate"} or None
        What of household addresses is public. ``None`` means the operator has not chosen.
    smallest_growing_area_ha : float
        Export areas below this are warned about; 0 for never. 10 ha is widely quoted of TCCS 774:2020/BVTV.
    """

    model_config = SettingsConfigDict(env_prefix="BANDOSO_", extra="ignore")

    database_url: SecretStr = Field(default=SecretStr(""), validation_alias="DATABASE_URL")
    publication_policy: PublicationPolicy | None = None
    read_pool_size: int = 4
    write_pool_size: int = 4
    read_timeout_ms: int = 3000
    write_timeout_ms: int = 60_000
    var_dir: Path = Path("var")
    raw_file_days: int = 90
    upload_max_mb: int = 100
    reader_timeout_s: float = 120.0
    smallest_growing_area_ha: float = 10.0

    @property
    def sqlalchemy_url(self) -> str:
        """The database URL with the driver written out.

        Raises
        ------
        SettingsError
            When ``DATABASE_URL`` is not set or is no address of a PostgreSQL database. What it says is not told: it
            holds a password.
        """
        url = self.database_url.get_secret_value()
        if not url:
            raise SettingsError(why_vi="chưa có DATABASE_URL.", why_en="DATABASE_URL is not set.")
        return _with_driver(url)


def _with_driver(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if scheme in {"postgres", "postgresql"}:
        scheme = "postgresql+psycopg"
    written = f"{scheme}{separator}{rest}"
    with suppress(ArgumentError, ValueError):
        if make_url(written).drivername == "postgresql+psycopg":
            return written
    raise SettingsError(
        why_vi="DATABASE_URL phải có dạng postgresql://người-dùng:mật-khẩu@máy-chủ:cổng/tên.",
        why_en="DATABASE_URL must be of the form postgresql://user:password@host:port/name.",
    )
