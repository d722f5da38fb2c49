"""Both storages keep uploads the same way; the one for S3 is tested against a real server."""

import io
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import obstore
import pytest
from pydantic import SecretStr

from geodata.errors import SettingsError
from service.problems import StorageAwayError, StoredFileError, TooLargeError
from service.settings import ServiceSettings
from service.storage import open_storage
from service.storage.local import LocalStorage
from service.storage.parts import RECORD, GivenFiles, Storage, StoredPart, StoredUpload
from service.storage.s3 import S3Storage
from tests.conftest import free_port
from tests.service.s3_server import S3Server, s3_serving

MIB = 1 << 20


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_serving(tmp_path_factory.mktemp("s3") / "data") as server:
        # The server makes the bucket with the first file in it.
        open_storage(settings(**server.settings())).write(uuid4(), given(("a.csv", b"x")), MIB)
        yield server


@pytest.fixture(params=["local", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "local":
        return open_storage(settings(var_dir=tmp_path))
    server: S3Server = request.getfixturevalue("s3")
    return open_storage(settings(**server.settings(uuid4().hex)))


def settings(**values: object) -> ServiceSettings:
    return ServiceSettings(DATABASE_URL=SecretStr("postgresql://nobody@127.0.0.1:1/nothing"), **values)  # type: ignore[arg-type]


def given(*files: tuple[str, bytes]) -> GivenFiles:
    return [(name, io.BytesIO(content)) for name, content in files]


def names_in(storage: Storage) -> set[str]:
    """Return the names of all that a storage holds, whoever put it there."""
    if isinstance(storage, LocalStorage):
        return {str(path.relative_to(storage.directory)) for path in storage.directory.rglob("*") if path.is_file()}
    assert isinstance(storage, S3Storage)
    return {item["path"] for batch in obstore.list(storage._store) for item in batch}


def test_files_sent_together_come_back_under_names_of_ours(storage: Storage, tmp_path: Path) -> None:
    upload_id, work = uuid4(), tmp_path / "work"
    work.mkdir()
    files = {
        "Thửa đất.SHP": b"shape",
        "../../etc/passwd": b"no path",
        "Thửa đất.dbf": os.urandom(9 * MIB),
        "x.a b": b"",
    }
    stored = storage.write(upload_id, given(*files.items()), 10 * MIB)
    assert [part.stored_name for part in stored.parts] == ["m000.shp", "m001", "m002.dbf", "m003"]
    assert names_in(storage) == {f"{upload_id.hex}/{name}" for name in ("m000.shp", "m001", "m002.dbf", "m003", RECORD)}
    fetched = storage.fetch(upload_id, work)
    assert fetched.stored == stored
    assert {name: (fetched.folder / ours).read_bytes() for ours, name in fetched.stored.names.items()} == files
    assert fetched.path == fetched.folder
    assert b"".join(storage.read(upload_id, "m002.dbf")) == files["Thửa đất.dbf"]


def test_a_single_file_has_its_own_digest_and_path(storage: Storage, tmp_path: Path) -> None:
    upload_id = uuid4()
    stored = storage.write(upload_id, given(("nhà.csv", b"a,b\n1,2\n")), 8)
    assert (stored.size_bytes, stored.sha256) == (8, "492d5ea496056f1a6a6592241032fab764c321596317930b4fa0e1e8bc3b7470")
    assert storage.fetch(upload_id, tmp_path).path.read_bytes() == b"a,b\n1,2\n"


def test_the_digest_of_several_files_does_not_depend_on_their_order() -> None:
    parts = [StoredPart(f"m00{at}.x", name, 1, name * 32) for at, name in enumerate(("a", "b", "c"))]
    digests = {StoredUpload(order).sha256 for order in (tuple(parts), tuple(reversed(parts)))}
    assert len(digests) == 1
    assert StoredUpload(tuple(parts[:2])).sha256 not in digests


def test_files_that_are_too_large_together_leave_nothing_behind(storage: Storage) -> None:
    with pytest.raises(TooLargeError):
        storage.write(uuid4(), given(("a.shp", b"x" * MIB), ("a.dbf", b"x")), MIB)
    assert names_in(storage) == set()


def test_a_write_that_breaks_off_leaves_nothing_to_fetch(storage: Storage, tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError("the disk of the client's form is gone")

    upload_id = uuid4()
    with pytest.raises((OSError, StorageAwayError)):
        storage.write(upload_id, [("a.shp", io.BytesIO(b"x")), ("a.dbf", Broken())], MIB)
    assert names_in(storage) == set()
    with pytest.raises(StoredFileError):
        storage.fetch(upload_id, tmp_path)


def test_what_was_removed_is_gone_and_may_be_removed_again(storage: Storage, tmp_path: Path) -> None:
    upload_id, other = uuid4(), uuid4()
    for kept in (upload_id, other):
        storage.write(kept, given(("a.csv", b"x")), MIB)
    storage.remove(upload_id)
    storage.remove(upload_id)
    with pytest.raises(StoredFileError):
        storage.fetch(upload_id, tmp_path)
    with pytest.raises(StoredFileError):
        storage.read(upload_id, "m000.csv")
    assert storage.fetch(other, tmp_path).path.read_bytes() == b"x"


def test_uploads_are_found_by_their_age(storage: Storage) -> None:
    upload_id = uuid4()
    storage.write(upload_id, given(("a.csv", b"x")), MIB)
    assert storage.find_older(60) == set()
    time.sleep(1.1)
    assert storage.find_older(0) == {upload_id}


def test_a_file_that_was_changed_in_the_storage_is_refused(storage: Storage, tmp_path: Path) -> None:
    upload_id = uuid4()
    storage.write(upload_id, given(("a.csv", b"honest")), MIB)
    overwrite(storage, upload_id, b"forged")
    with pytest.raises(StoredFileError):
        storage.fetch(upload_id, tmp_path)


def overwrite(storage: Storage, upload_id: UUID, content: bytes) -> None:
    """Change a stored file as nobody should."""
    if isinstance(storage, LocalStorage):
        (storage.directory / upload_id.hex / "m000.csv").write_bytes(content)
    else:
        assert isinstance(storage, S3Storage)
        obstore.put(storage._store, f"{upload_id.hex}/m000.csv", content)


def test_a_folder_half_written_by_a_process_that_died_is_found_and_removed(tmp_path: Path) -> None:
    storage, upload_id = LocalStorage(tmp_path), uuid4()
    (tmp_path / f"{upload_id.hex}.part").mkdir()
    assert storage.find_older(-1) == {upload_id}
    storage.remove(upload_id)
    assert not list(tmp_path.iterdir())


def test_the_store_refuses_what_was_changed_on_the_way(s3: S3Server) -> None:
    with forging(s3.port, b"honest content", b"forged content") as port:
        there = s3.settings(uuid4().hex)
        changed = open_storage(settings(**there | {"storage_endpoint": f"http://127.0.0.1:{port}"}))
        with pytest.raises(StorageAwayError):
            changed.write(uuid4(), given(("a.csv", b"honest content")), MIB)
        changed.write(uuid4(), given(("a.csv", b"other content")), MIB)
    assert len(names_in(open_storage(settings(**there)))) == 2


@contextmanager
def forging(port: int, before: bytes, after: bytes) -> Iterator[int]:
    """Pass connections on to a server, and change what clients send on the way."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, port, before, after), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, port: int, before: bytes, after: bytes) -> None:
    while True:
        try:
            client = listener.accept()[0]
        except OSError:
            return
        server = socket.create_connection(("127.0.0.1", port))
        for source, target, words in ((client, server, (before, after)), (server, client, (b"", b""))):
            threading.Thread(target=_pass_on, args=(source, target, *words), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket, before: bytes, after: bytes) -> None:
    with source, target:
        while data := source.recv(1 << 16):
            target.sendall(data.replace(before, after) if before else data)


@pytest.mark.parametrize("changes", [{"storage_key_id": "ai-do"}, {"storage_secret_key": SecretStr("sai")}])
def test_a_store_that_refuses_the_key_is_away_and_keeps_nothing(s3: S3Server, changes: dict[str, object]) -> None:
    prefix = uuid4().hex
    with pytest.raises(StorageAwayError):
        open_storage(settings(**s3.settings(prefix, **changes))).write(uuid4(), given(("a.csv", b"x")), MIB)
    assert names_in(open_storage(settings(**s3.settings(prefix)))) == set()


def test_a_store_that_does_not_answer_is_told_of_within_a_minute() -> None:
    nowhere = {"storage_url": "s3://kho", "storage_endpoint": f"http://127.0.0.1:{free_port()}"}
    keys = {"storage_key_id": "k", "storage_secret_key": SecretStr("s"), "storage_region": "us-east-1"}
    started = time.monotonic()
    with pytest.raises(StorageAwayError):
        open_storage(settings(**nowhere, **keys)).fetch(uuid4(), Path("/nowhere"))
    assert time.monotonic() - started < 60


@pytest.mark.parametrize("url", ["uploads", "ftp://kho/x", "s3:///x", "file://may-khac/x"])
def test_what_is_no_storage_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(SettingsError, match="BANDOSO_STORAGE_URL"):
        open_storage(settings(storage_url=url))


def test_a_store_without_its_keys_is_refused_at_the_start() -> None:
    with pytest.raises(SettingsError, match="_SECRET_KEY"):
        open_storage(settings(storage_url="s3://kho", storage_key_id="only the name"))


def test_a_folder_may_be_named_as_path_or_address(tmp_path: Path) -> None:
    for url in (str(tmp_path), f"file://{tmp_path}"):
        found = open_storage(settings(storage_url=url))
        assert isinstance(found, LocalStorage)
        assert found.directory == tmp_path


def test_a_storage_is_named_without_secrets(tmp_path: Path) -> None:
    keys = {"storage_key_id": "tên", "storage_secret_key": SecretStr("kín"), "storage_region": "x"}
    store = {"storage_url": "s3://kho/tep/", "storage_endpoint": "https://ai:kin@s3.example.vn:9000", **keys}
    assert open_storage(settings(**store)).name == "s3://kho/tep at s3.example.vn:9000"
    assert open_storage(settings(var_dir=tmp_path)).name == str(tmp_path / "uploads")
    assert open_storage(settings(storage_url="/srv/tep")).name == "/srv/tep"
