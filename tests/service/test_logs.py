"""The logs: JSON lines, and one loud line for an outage of the database."""

import json
import logging
from typing import Any

import asyncpg
import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from service import logs
from service.logs import LibraryHandler, configure_logging, note_failure, note_outage


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    configure_logging()
    monkeypatch.setattr(logs, "_outage", logs._Outage())


def read_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return what was logged."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def emit(name: str, message: str, error: Exception | None = None) -> None:
    """Log as a library does."""
    given = (type(error), error, None) if error else None
    LibraryHandler().emit(logging.LogRecord(name, logging.ERROR, __file__, 1, message, (), given))


def test_an_outage_is_one_loud_line_however_many_notice_it(capsys: pytest.CaptureFixture[str]) -> None:
    emit("asyncpg.pool", "Failed to restore", ConnectionRefusedError(111, "refused"))
    emit("psycopg.pool", "error connecting in 'pool-2'")
    emit("procrastinate.worker", "Side task failed", psycopg.OperationalError("the connection is lost"))
    note_outage("OperationalError", sqlstate="57P01")
    lines = read_lines(capsys)
    assert [line["level"] for line in lines] == ["error", "info", "info", "info"]
    assert [line["kind"] for line in lines] == [
        "ConnectionRefusedError",
        "pool",
        "OperationalError",
        "OperationalError",
    ]
    assert not any("exception" in line for line in lines)


def test_the_next_outage_is_news_again(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    note_outage("OperationalError")
    monkeypatch.setattr(logs, "OUTAGE_S", -1.0)
    note_outage("OperationalError")
    assert [line["level"] for line in read_lines(capsys)] == ["error", "error"]


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.QueryCanceledError("canceling statement due to statement timeout"),
        OperationalError("SELECT", {}, psycopg.errors.QueryCanceled("canceling statement due to statement timeout")),
    ],
)
def test_a_statement_that_took_too_long_is_no_outage(capsys: pytest.CaptureFixture[str], error: Exception) -> None:
    note_failure("tile failed", error)
    note_failure("tile failed", asyncpg.AdminShutdownError("terminating connection"))
    slow, away = read_lines(capsys)
    assert (slow["level"], slow["event"], slow["failed"]) == (
        "warning",
        "a statement took too long and was ended",
        "tile failed",
    )
    assert (away["level"], away["event"].partition(";")[0]) == ("error", "the database does not answer")


def test_what_is_no_outage_keeps_its_trace_and_none_of_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        int("Nguyễn Thị Bí Mật")
    except ValueError as error:
        emit("asyncio", "Task exception was never retrieved", error)
    (line,) = read_lines(capsys)
    assert (line["level"], line["logger"]) == ("error", "asyncio")
    kind, frame = line["exception"]
    assert kind == "ValueError"
    assert frame.endswith("test_what_is_no_outage_keeps_its_trace_and_none_of_its_words")
    assert "Bí Mật" not in json.dumps(line, ensure_ascii=False)
