"""Where uploaded files are kept: in a directory, or in an S3-compatible store."""

from pathlib import Path
from urllib.parse import urlsplit

from geodata.errors import SettingsError
from service.settings import ServiceSettings
from service.storage.local import LocalStorage
from service.storage.parts import Storage
from service.storage.s3 import S3Storage


def open_storage(settings: ServiceSettings) -> Storage:
    """Return the storage that an installation has chosen; nothing is connected to yet.

    Raises
    ------
    SettingsError
        When ``BANDOSO_STORAGE_URL`` is neither a folder nor ``s3://bucket/prefix``.
    """
    url = urlsplit(settings.storage_url)
    if not settings.storage_url:
        return LocalStorage(settings.var_dir / "uploads")
    if url.scheme in {"", "file"} and not url.netloc and url.path.startswith("/"):
        return LocalStorage(Path(url.path))
    if url.scheme == "s3" and url.netloc:
        return S3Storage(url.netloc, url.path.strip("/"), settings)
    raise SettingsError(
        why_vi="BANDOSO_STORAGE_URL phải là đường dẫn thư mục tuyệt đối hoặc s3://thùng/tiền-tố.",
        why_en="BANDOSO_STORAGE_URL must be the absolute path of a folder, or s3://bucket/prefix.",
    )
