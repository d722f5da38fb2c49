"""OGC's own test suites: Java programs from Maven Central that write their verdict as TestNG results."""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from tests.conftest import ROOT

JARS = ROOT / "var" / "cache" / "cite"
"""Kept from run to run; who cannot reach Maven Central may lay a jar here."""
DIGESTS = Path(__file__).parent / "cite.sha256"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
LEAST_JAVA = 17
FETCH_S, RUN_S = 300, 280


class CannotRunError(Exception):
    """A suite cannot be run on this machine; says why."""


@dataclass(frozen=True)
class Suite:
    """One of OGC's test suites.

    Attributes
    ----------
    properties : mapping
        Arguments of a run beside ``iut``, the landing page; tiles name a place that is there.
    floor : int
        How many tests have to pass at least: what the first run on a machine that has the program says.
    """

    artifact: str
    version: str
    floor: int
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def jar(self) -> Path:
        """Where its program lies once it was fetched."""
        return JARS / f"{self.artifact}-{self.version}-aio.jar"


@dataclass(frozen=True)
class Verdict:
    """What became of each test of a run; configuration methods are left out unless they failed."""

    passed: tuple[str, ...]
    failed: tuple[str, ...]
    skipped: tuple[str, ...]


def require_java() -> None:
    """Make sure that there is a Java that the suites run on."""
    if shutil.which("java") is None:
        raise CannotRunError("there is no java")
    told = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True, timeout=60).stderr
    found = re.search(r'version "(\d+)', told)
    if found is None or int(found[1]) < LEAST_JAVA:
        raise CannotRunError(f"java is older than {LEAST_JAVA}")


def fetch(suite: Suite) -> Path:
    """Return a suite's program, fetched by Maven where it is not there yet, once its SHA-256 is the committed one."""
    if not suite.jar.exists():
        if shutil.which("mvn") is None:
            raise CannotRunError(f"there is no mvn to fetch {suite.jar.name}")
        artifact = f"org.opengis.cite:{suite.artifact}:{suite.version}:jar:aio"
        command = ["mvn", "-B", "-q", "-C", "-U", COPY, f"-Dartifact={artifact}", f"-DoutputDirectory={JARS}"]
        told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=FETCH_S)
        if told.returncode or not suite.jar.exists():
            why = re.search(r"\[ERROR\] (.*)", told.stdout)
            raise CannotRunError(f"Maven Central gives no {artifact}: {why[1][:400] if why else told.stdout[-400:]}")
    require_known(suite.jar)
    return suite.jar


def require_known(jar: Path) -> None:
    """Make sure that a program is the one that was looked at; an unknown one is never run."""
    digest = hashlib.sha256(jar.read_bytes()).hexdigest()
    known = dict(reversed(line.split()) for line in DIGESTS.read_text().splitlines() if not line.startswith("#"))
    if jar.name not in known:
        raise CannotRunError(f"{DIGESTS.name} has no line for it; to let it run, add: {digest}  {jar.name}")
    assert known[jar.name] == digest, f"{jar} is not the committed one"


def run(suite: Suite, landing_page: str, folder: Path) -> Verdict:
    """Run a suite against a service and read its verdict; the program's own exit code says nothing."""
    require_java()
    jar = fetch(suite)
    arguments = folder / "arguments.xml"
    entries = {"iut": landing_page, **suite.properties}.items()
    arguments.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE properties SYSTEM "http://java.sun.com/dtd/properties.dtd">\n<properties>'
        + "".join(f'<entry key="{name}">{escape(value)}</entry>' for name, value in entries)
        + "</properties>\n"
    )
    command = ["java", "-jar", str(jar), "-o", str(folder), str(arguments)]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=RUN_S)
    results = sorted(folder.rglob("testng-results.xml"))
    assert results, told.stdout[-2000:] + told.stderr[-2000:]
    return read_results(results[-1].read_text(encoding="utf-8"))


def read_results(text: str) -> Verdict:
    """Read TestNG results."""
    found: dict[str, list[str]] = {"PASS": [], "FAIL": [], "SKIP": []}
    for method in ET.fromstring(text).iter("test-method"):
        status = method.get("status", "FAIL")
        if method.get("is-config") == "true" and status != "FAIL":
            continue
        message = " ".join((method.findtext("exception/message") or "").split())
        found[status].append(f"{method.get('name')}: {method.get('description') or ''} {message}".strip())
    return Verdict(*(tuple(found[status]) for status in ("PASS", "FAIL", "SKIP")))
