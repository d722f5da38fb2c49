"""A real S3 server for tests: SeaweedFS, started on ports of its own."""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from tests.conftest import free_port

KEY_ID, SECRET_KEY = "khoa-thu", "bi-mat-thu"
IDENTITY = {
    "name": "bandoso",
    "credentials": [{"accessKey": KEY_ID, "secretKey": SECRET_KEY}],
    "actions": ["Admin", "Read", "Write", "List", "Tagging"],
}
PARTS = ("master", "volume", "filer", "s3")
BUCKET = "kho-thu"


@dataclass(frozen=True)
class S3Server:
    """Where the server answers."""

    port: int

    def settings(self, prefix: str = "tep/da-gui", **changes: Any) -> dict[str, Any]:
        """Return what settings of the service name this server."""
        return {
            "storage_url": f"s3://{BUCKET}/{prefix}", "storage_endpoint": f"http://127.0.0.1:{self.port}",
            "storage_region": "us-east-1", "storage_key_id": KEY_ID, "storage_secret_key": SecretStr(SECRET_KEY),
            **changes,
        }  # fmt: skip


@contextmanager
def s3_serving(folder: Path) -> Iterator[S3Server]:
    """Run a server that keeps its data in a folder; it listens on the loopback only and calls nobody."""
    folder.mkdir(parents=True)
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [IDENTITY]}))
    ports = {part: free_port() for part in PARTS}
    grpc = {part: free_port() for part in PARTS}
    arguments = [
        str(Path(sys.executable).with_name("weed")), "-logtostderr", "server", f"-dir={folder}", "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1", "-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=20",
        "-filer", f"-filer.localSocket={folder}/filer.sock", "-s3", f"-s3.config={config}",
        f"-s3.localSocket={folder}/s3.sock", "-s3.port.iceberg=0", "-s3.port.lance=0",
        *(f"-{part}.port={port}" for part, port in ports.items()),
        *(f"-{part}.port.grpc={port}" for part, port in grpc.items()),
    ]  # fmt: skip
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(arguments, stdout=output, stderr=output, cwd=folder)
    try:
        _await(f"http://127.0.0.1:{ports['s3']}/healthz", process, log)
        yield S3Server(ports["s3"])
    finally:
        # It takes half a minute to say good-bye.
        process.kill()
        process.wait()
        Path(f"/tmp/seaweedfs-s3-grpc-{grpc['s3']}.sock").unlink(missing_ok=True)


def _await(address: str, process: subprocess.Popen[bytes], log: Path, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the S3 server is not ready:\n{log.read_text()[-3000:]}")
