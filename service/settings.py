"""Settings of the service, read from the environment once when a process starts."""

import secrets
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Literal

from pydantic import SecretStr, ValidationError

from geodata.crs import VN2000_ZONES
from geodata.errors import SettingsError
from geodata.settings import GeodataSettings, PublicationPolicy

MIN_SECRET_LENGTH = 32
LOCAL_HOSTS = "127.0.0.1,localhost,[::1],testserver"


class ServiceSettings(GeodataSettings):
    """How the service presents itself and what it may use.

    Attributes
    ----------
    env : {"development", "production"}
        A production service does not start before its operator has chosen what only an operator can choose.
    secret : str
        Signs cursors; at least 32 characters. Made and kept under ``var/`` when not given, except in production.
    allowed_hosts : str
        Host names the service answers to, comma separated.
    public_url : str
        Origin in absolute links where a proxy hides it; otherwise taken from the request.
    item_cache_mb : int
        Memory for pages of items that were given lately; 0 keeps none.
    tile_listeners : int
        Open maps that one process tells of changes; never more than half of the files it may open.
    validate_max_mb, validate_max_rows, validate_timeout_s : numbers
        What one file may cost that anybody has checked without an account.
    validate_readers : int
        Such files that one process checks at once.
    validate_per_minute, validate_per_day : int
        Such files of one client address.
    edits_per_minute, edits_per_day : int
        Single items that one account makes, changes or removes.
    reads_per_second, reads_burst : numbers
        Public reads of one client address: how many for long, and how many at once.
    licence, attribution : str
        Of the published data; said wherever data leaves.
    publisher, contact : str
        Who answers for the data (the attribution where nothing is said), and an electronic mail address or page.
    update_frequency : str
        How often the data changes, as catalogues tell it.
    storage_url : str
        Where uploaded files are kept: the absolute path of a folder, or ``s3://bucket/prefix``; ``uploads`` in
        ``var_dir`` when not given.
    storage_endpoint, storage_region, storage_key_id, storage_secret_key : str
        How the S3-compatible store is reached; without an endpoint it is Amazon's.
    files_every_minutes : int
        Least time between two makings of a register's open data files; 0: they are made by command alone.
    files_days, files_months : int
        Days of which every version of the files is kept, and months of which the first is.
    files_communes_mb : int
        What files made on demand for single communes may take.
    files_zones : str
        Zones of VN-2000 (EPSG codes, comma separated) in which shapefiles are made beside the nearest.
    webhook_hosts : str
        Hosts to which news of revisions may be sent, comma separated, ``name`` (port 443) or ``name:port``; none: webhooks
        are off.
    webhooks_to_private : bool
        For development alone: news may go to private addresses and by plain HTTP.
    staged_days : int
        How long rows that were read and checked wait for the officer to publish them.
    """

    env: Literal["development", "production"] = "development"
    secret: SecretStr = SecretStr("")
    allowed_hosts: str = LOCAL_HOSTS
    public_url: str = ""
    licence: str = ""
    attribution: str = "bandoso"
    publisher: str = ""
    contact: str = ""
    update_frequency: Literal["irregular", "daily", "weekly", "monthly", "quarterly", "annual"] = "irregular"
    title_vi: str = "Bản đồ số"
    title_en: str = "Digital map"
    tile_cache_mb: int = 96
    item_cache_mb: int = 16
    tile_pool_size: int = 3
    tile_listeners: int = 5000
    session_idle_minutes: int = 30
    session_hours: int = 12
    uploads_waiting: int = 3
    validate_max_mb: int = 10
    validate_max_rows: int = 20_000
    validate_timeout_s: float = 30.0
    validate_readers: int = 2
    validate_per_minute: int = 10
    validate_per_day: int = 200
    edits_per_minute: int = 600
    edits_per_day: int = 20_000
    reads_per_second: float = 100.0
    reads_burst: int = 3000
    storage_url: str = ""
    storage_endpoint: str = ""
    storage_region: str = ""
    storage_key_id: str = ""
    storage_secret_key: SecretStr = SecretStr("")
    staged_days: int = 14
    webhook_hosts: str = ""
    webhooks_to_private: bool = False
    files_every_minutes: int = 1440
    files_days: int = 7
    files_months: int = 12
    files_communes_mb: int = 2000
    files_zones: str = ""

    @property
    def archive_dir(self) -> Path:
        """Where archives of tiles lie."""
        return self.var_dir / "archives"

    @property
    def files_dir(self) -> Path:
        """Where open data files lie."""
        return self.var_dir / "files"

    @property
    def zones(self) -> tuple[int, ...]:
        """More zones of shapefiles, as EPSG codes.

        Raises
        ------
        SettingsError
        """
        named = [zone.strip().upper().removeprefix("EPSG:") for zone in self.files_zones.split(",") if zone.strip()]
        if not all(zone.isdigit() and int(zone) in VN2000_ZONES for zone in named):
            raise SettingsError(
                why_vi="BANDOSO_FILES_ZONES là các mã EPSG của VN-2000, ví dụ 9211,3405.",
                why_en="BANDOSO_FILES_ZONES are EPSG codes of VN-2000, such as 9211,3405.",
            )
        return tuple(map(int, named))

    @property
    def hosts(self) -> list[str]:
        """Allowed host names as a list."""
        return [host.strip() for host in self.allowed_hosts.split(",") if host.strip()]

    @property
    def webhook_targets(self) -> frozenset[tuple[str, int]]:
        """Hosts and ports to which news of revisions may be sent.

        Raises
        ------
        SettingsError
        """
        named = [entry.strip().lower().rpartition(":") for entry in self.webhook_hosts.split(",") if entry.strip()]
        found = [(host, port) if host else (port, "443") for host, _, port in named]
        if not all(port.isdecimal() and 0 < int(port) < 1 << 16 for _, port in found):
            raise SettingsError(
                why_vi="BANDOSO_WEBHOOK_HOSTS là tên máy chủ, có thể kèm cổng, ví dụ a.vn,b.vn:8443.",
                why_en="BANDOSO_WEBHOOK_HOSTS are host names, with a port or without, such as a.vn,b.vn:8443.",
            )
        return frozenset((host, int(port)) for host, port in found)

    @cached_property
    def signing_key(self) -> bytes:
        """The secret as bytes; the same in every process of an installation."""
        given = self.secret.get_secret_value()
        if given:
            return given.encode()
        path = self.var_dir / "secret"
        if not path.exists():
            self._make_secret(path)
        return path.read_bytes()

    def _make_secret(self, path: Path) -> None:
        """Put a new secret at ``path`` whole or not at all: another process may be doing the same."""
        self.var_dir.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=self.var_dir, prefix="secret-", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            with suppress(FileExistsError):
                path.hardlink_to(file.name)

    @property
    def effective_policy(self) -> PublicationPolicy:
        """The chosen policy; before a choice all is public in development (sample data), counts in production."""
        return self.publication_policy or ("code_point" if self.env == "development" else "aggregate")

    def require_complete(self) -> None:
        """Refuse to start a production service that its operator has not finished configuring.

        Raises
        ------
        SettingsError
            Naming everything that is missing.
        """
        given = self.secret.get_secret_value()
        if given and len(given) < MIN_SECRET_LENGTH:
            raise SettingsError(
                why_vi=f"BANDOSO_SECRET phải có ít nhất {MIN_SECRET_LENGTH} ký tự.",
                why_en=f"BANDOSO_SECRET must have at least {MIN_SECRET_LENGTH} characters.",
            )
        if self.env != "production":
            return
        missing = [
            name
            for name, is_there in (
                ("BANDOSO_SECRET", bool(given)),
                ("BANDOSO_PUBLICATION_POLICY", self.publication_policy is not None),
                ("BANDOSO_ALLOWED_HOSTS", self.allowed_hosts != LOCAL_HOSTS),
                ("BANDOSO_LICENCE", bool(self.licence)),
            )
            if not is_there
        ]
        if missing:
            names = ", ".join(missing)
            raise SettingsError(
                why_vi=f"bản chạy thật cần đặt: {names}.", why_en=f"a production service needs: {names}."
            )


_ALLOWED: Mapping[str, tuple[str, str]] = {
    "int": ("một số nguyên", "a whole number"),
    "float": ("một số", "a number"),
}


def refused_settings(error: ValidationError) -> SettingsError:
    """Say which variables are wrong and what they may be, not what they are: some are secret."""
    told_vi, told_en = [], []
    for fault in error.errors(include_url=False, include_input=False):
        place = str(fault["loc"][0])
        name = place if place.isupper() else f"BANDOSO_{place.upper()}"
        expected = fault.get("ctx", {}).get("expected", "").replace("'", "").replace(" or ", ", ")
        vi, en = _ALLOWED.get(fault["type"].partition("_")[0], (fault["msg"], fault["msg"]))
        told_vi.append(f"{name} phải là {f'một trong: {expected}' if expected else vi}.")
        told_en.append(f"{name} must be {f'one of: {expected}' if expected else en}.")
    return SettingsError(why_vi=" ".join(told_vi), why_en=" ".join(told_en))
