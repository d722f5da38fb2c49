"""Uploads in an S3-compatible store: a prefix each, there once its record is."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit
from uuid import UUID

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import S3Store

from geodata.errors import SettingsError
from service.problems import StorageAwayError, StoredFileError
from service.settings import ServiceSettings
from service.storage.parts import (
    RECORD,
    FetchedUpload,
    GivenFiles,
    Measure,
    StoredPart,
    StoredUpload,
    stored_name,
)

log = structlog.get_logger()

_PIECE = 8 << 20
_PIECES_AT_ONCE = 4
"""Of one file on its way: what they take of memory is bounded by both."""

_RETRIES, _RETRY_S = 5, 30


class S3Storage:
    """Keeps raw uploads in a bucket.

    What arrives is compared with what was sent by the store itself: every request is signed together with the
    SHA-256 of its body, which the store has to check before it takes it, and carries it as a checksum besides.

    Parameters
    ----------
    bucket, prefix : str
    settings : ServiceSettings
        Endpoint, region and keys. Without keys those of the environment are used, as the tools of AWS do.

    Raises
    ------
    SettingsError
    """

    def __init__(self, bucket: str, prefix: str, settings: ServiceSettings) -> None:
        self.name = _name(settings.storage_endpoint, bucket, prefix)
        given: dict[str, Any] = {
            "endpoint": settings.storage_endpoint,
            "region": settings.storage_region,
            "access_key_id": settings.storage_key_id,
            "secret_access_key": settings.storage_secret_key.get_secret_value(),
        }
        client = {
            "connect_timeout": "5s", "timeout": "60s", "allow_http": settings.storage_endpoint.startswith("http://"),
        }  # fmt: skip
        try:
            self._store = S3Store(
                bucket, prefix=prefix or None, checksum_algorithm="SHA256", client_options=client,  # type: ignore[arg-type]  # a plain dictionary
                retry_config={"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=_RETRY_S)},
                **{name: value for name, value in given.items() if value},
            )  # fmt: skip
        except BaseError as error:
            raise SettingsError(
                why_vi="BANDOSO_STORAGE_ENDPOINT, _REGION, _KEY_ID và _SECRET_KEY chưa đủ hoặc chưa đúng.",
                why_en="BANDOSO_STORAGE_ENDPOINT, _REGION, _KEY_ID and _SECRET_KEY are not complete or not right.",
            ) from error

    def write(self, upload_id: UUID, files: GivenFiles, max_bytes: int) -> StoredUpload:
        """Keep the files; see `Storage.write`. They are read twice: what is too large must not even be sent."""
        measure = Measure(max_bytes)
        stored = StoredUpload(tuple(_measured(at, *file, measure) for at, file in enumerate(files)))
        try:
            with _answering():
                for part, (_, source) in zip(stored.parts, files, strict=True):
                    source.seek(0)
                    obstore.put(
                        self._store, _key(upload_id, part.stored_name), source,
                        chunk_size=_PIECE, max_concurrency=_PIECES_AT_ONCE,
                    )  # fmt: skip
                obstore.put(self._store, _key(upload_id, RECORD), stored.record())
        except StorageAwayError:
            # What cannot be removed now has no upload's row and is found by the cleaner.
            self._try_to_remove(upload_id)
            raise
        return stored

    def _try_to_remove(self, upload_id: UUID) -> None:
        try:
            self.remove(upload_id)
        except StorageAwayError:
            log.info("what was written of an upload stays for the cleaner", upload=str(upload_id))

    def fetch(self, upload_id: UUID, folder: Path) -> FetchedUpload:
        """Bring the files into the folder; see `Storage.fetch`."""
        stored = StoredUpload.from_record(b"".join(self.read(upload_id, RECORD)))
        own = folder / upload_id.hex
        own.mkdir(mode=0o700)
        for part in stored.parts:
            digest = hashlib.sha256()
            with (own / part.stored_name).open("xb") as file:
                for block in self.read(upload_id, part.stored_name):
                    digest.update(block)
                    file.write(block)
            if digest.hexdigest() != part.sha256:
                raise StoredFileError
        return FetchedUpload(own, stored)

    def read(self, upload_id: UUID, stored_name: str) -> Iterator[bytes]:
        """Return the content of one file; see `Storage.read`."""
        with _answering():
            found = obstore.get(self._store, _key(upload_id, stored_name))
        return _blocks(found)

    def remove(self, upload_id: UUID) -> None:
        """Remove whatever there is of an upload."""
        with _answering():
            names = [item["path"] for batch in obstore.list(self._store, upload_id.hex) for item in batch]
            if names:
                obstore.delete(self._store, names)

    def find_older(self, seconds: float) -> set[UUID]:
        """Return the uploads written longer ago than this; see `Storage.find_older`."""
        before, newest = datetime.now(UTC) - timedelta(seconds=seconds), dict[UUID, datetime]()
        with _answering():
            for batch in obstore.list(self._store):
                for item in batch:
                    upload_id = _upload_of(item["path"])
                    if upload_id is not None:
                        newest[upload_id] = max(item["last_modified"], newest.get(upload_id, item["last_modified"]))
        return {upload_id for upload_id, written in newest.items() if written < before}


def _measured(number: int, given_name: str, source: BinaryIO, measure: Measure) -> StoredPart:
    digest = hashlib.sha256()
    source.seek(0)
    size = sum(len(block) for block in measure.blocks(source, digest))
    return StoredPart(stored_name(number, given_name), given_name, size, digest.hexdigest())


def _name(endpoint: str, bucket: str, prefix: str) -> str:
    """Write where a bucket is; whatever stands before an ``@`` may be a secret."""
    host = urlsplit(endpoint).netloc.rpartition("@")[2]
    place = "/".join(part for part in (bucket.rpartition("@")[2], prefix) if part)
    return f"s3://{place}" + (f" at {host}" if host else "")


def _key(upload_id: UUID, name: str) -> str:
    return f"{upload_id.hex}/{name}"


def _upload_of(path: str) -> UUID | None:
    try:
        return UUID(hex=path.partition("/")[0])
    except ValueError:
        return None


def _blocks(found: "obstore.GetResult") -> Iterator[bytes]:
    with _answering():
        for block in found:
            yield bytes(block)


@contextmanager
def _answering() -> Iterator[None]:
    """Turn what the library raises into our own errors; its words quote the store's whole answer."""
    try:
        yield
    except FileNotFoundError as error:
        raise StoredFileError from error
    except (BaseError, OSError) as error:
        log.error("the storage does not answer", kind=type(error).__name__)
        raise StorageAwayError from error
