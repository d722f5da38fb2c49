"""OGC's own test suites find nothing wrong, where Maven Central gives them."""

from pathlib import Path

import pytest

from tests.conformance import cite

LEVEL, ROW, COLUMN = "12", "1811", "3256"
"""A tile of the sample."""

FEATURES = cite.Suite("ets-ogcapi-features10", "1.9", floor=1, properties={"noofcollections": "-1"})
TILES = cite.Suite(
    "ets-ogcapi-tiles10", "1.2", floor=1,
    properties={
        "tilematrixsetdefinitionuri": "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad",
        "tilematrix": LEVEL, "mintilerow": ROW, "maxtilerow": ROW, "mintilecol": COLUMN, "maxtilecol": COLUMN,
    },
)  # fmt: skip

RESULTS = """<testng-results skipped="1" failed="2" total="5" passed="2"><suite name="s"><test name="Core"><class name="c">
<test-method is-config="true" name="setUp" status="PASS"/>
<test-method is-config="true" name="initFixture" status="FAIL"><exception><message>no landing page</message></exception></test-method>
<test-method name="landingPage" status="PASS" description="A.2.2"/>
<test-method name="limit" status="FAIL" description="A.2.7"><exception class="AssertionError"><message><![CDATA[expected
 5]]></message></exception></test-method>
<test-method name="crs" status="SKIP"><exception><message>not declared</message></exception></test-method>
</class></test></suite></testng-results>"""


def test_a_verdict_is_read_with_what_went_wrong() -> None:
    verdict = cite.read_results(RESULTS)
    assert verdict.passed == ("landingPage: A.2.2",)
    assert verdict.failed == ("initFixture:  no landing page", "limit: A.2.7 expected 5")
    assert verdict.skipped == ("crs:  not declared",)


def test_a_program_that_nobody_looked_at_is_not_run(tmp_path: Path) -> None:
    jar = tmp_path / "unknown-1.0-aio.jar"
    jar.write_bytes(b"anything")
    with pytest.raises(
        cite.CannotRunError, match=r"has no line for it; to let it run, add: [0-9a-f]{64}  unknown-1\.0-aio\.jar"
    ):
        cite.require_known(jar)


def test_a_program_that_was_changed_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jar, digests = tmp_path / "known.jar", tmp_path / "digests"
    jar.write_bytes(b"another")
    digests.write_text(f"# comment\n{'0' * 64}  known.jar\n")
    monkeypatch.setattr(cite, "DIGESTS", digests)
    with pytest.raises(AssertionError, match="not the committed one"):
        cite.require_known(jar)


@pytest.mark.long
@pytest.mark.parametrize("suite", [FEATURES, TILES], ids=lambda suite: suite.artifact)
def test_the_official_suite_finds_nothing_wrong(
    service: str, suite: cite.Suite, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    try:
        verdict = cite.run(suite, f"{service}/", tmp_path)
    except cite.CannotRunError as error:
        pytest.skip(str(error))
    written = pytestconfig.get_terminal_writer()
    written.line(f"\n{suite.artifact}: {len(verdict.passed)} passed, {len(verdict.skipped)} skipped")
    for why in verdict.skipped:
        written.line(f"  {why}")
    assert verdict.failed == ()
    assert len(verdict.passed) >= suite.floor
