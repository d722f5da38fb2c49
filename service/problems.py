"""Errors as RFC 9457 problem documents: one table from class to status, in the reader's language."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi import HTTPException as OwnHTTPException
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from geodata import errors
from geodata.db import is_passing
from geodata.edit_content import EditRefusedError
from geodata.importing.results import UnreadableFileError
from service.auth.accounts import FAILURE_WINDOW, SignInError, TooManyAttemptsError
from service.auth.policy import CsrfError, ForbiddenError, KeyInAddressError, NotSignedInError
from service.file_errors import ArchiveNotFoundError, DownloadNotFoundError, DownloadNotReadyError
from service.file_options import FileOptionError
from service.limits import CheckLimitError, ChecksBusyError, EditLimitError, LookupLimitError, MeasuringBusyError
from service.logs import note_failure
from service.methods import allowed_methods, preflight_headers
from service.middleware import Scope, too_large_words
from service.preferences import is_strict
from service.read_budget import ReadLimitError
from service.request_errors import BodyError, CodingError, HeaderError, MediaTypeError, RangeError
from service.web.i18n import pick_language
from service.web.rendering import render
from tiles.connections import TilesBusyError
from tiles.selection import SelectionTooSlowError

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"


_STATES_VI = {
    "received": "Đã nhận", "reading": "Đang đọc", "validating": "Đang kiểm tra", "staged": "Chờ xem lại",
    "needs_choice": "Cần bạn chọn", "needs_approval": "Chờ duyệt", "publishing": "Đang công bố",
    "published": "Đã công bố", "rejected": "Bị từ chối", "failed": "Lỗi hệ thống", "cancelled": "Đã hủy",
}  # fmt: skip
"""States of an upload as its page names them."""


class TooLargeError(errors.GeodataError):
    """The body is larger than the service takes."""

    code = "TOO_LARGE"
    vi_template = "Tệp vượt quá {limit_mb} MiB."
    en_template = "The file is larger than {limit_mb} MiB."


class StorageAwayError(errors.GeodataError):
    """The storage does not answer, or refuses to; what needs it may succeed later."""

    code = "STORAGE_AWAY"
    vi_template = "Kho lưu tệp tạm thời chưa sẵn sàng. Hãy thử lại sau giây lát."
    en_template = "The storage of files is not ready for the moment. Try again soon."


class StoredFileError(errors.GeodataError):
    """The storage has lost a file, or has another one in its place."""

    code = "STORED_FILE"
    vi_template = "Tệp đã lưu không còn nguyên vẹn. Hãy gửi lại tệp."
    en_template = "The stored file is not as it was taken. Send it again."


class StreamsBusyError(errors.GeodataError):
    """So many people follow their uploads that one more would be too many."""

    code = "STREAMS_BUSY"
    vi_template = "Đang có quá nhiều kết nối theo dõi. Hãy thử lại sau giây lát."
    en_template = "Too many connections follow uploads. Try again in a moment."


class TileListenersBusyError(errors.GeodataError):
    """So many open maps follow changes that one more would be too many."""

    code = "TILE_LISTENERS_BUSY"
    vi_template = "Đang có quá nhiều bản đồ mở theo dõi thay đổi. Hãy thử lại sau ít phút."
    en_template = "Too many open maps follow changes. Try again in a few minutes."


class TileListenersLimitError(errors.GeodataError):
    """One address follows changes as often as it may."""

    code = "TILE_LISTENERS_LIMIT"
    vi_template = "Địa chỉ mạng này đã mở quá nhiều kết nối theo dõi thay đổi. Hãy thử lại sau ít phút."
    en_template = "This network address follows changes too often already. Try again in a few minutes."


class TooManyWaitingError(errors.GeodataError):
    """The officer's earlier files have to be done first."""

    code = "UPLOADS_WAITING"
    vi_template = "Đang có {count} tệp chờ xử lý. Hãy đợi xong rồi gửi tiếp."
    en_template = "{count} files are waiting already. Send the next when they are done."


class RollbacksWaitingError(errors.GeodataError):
    """The officer's earlier undoings have to be done first."""

    code = "ROLLBACKS_WAITING"
    vi_template = "Đang có {count} yêu cầu hoàn tác chờ xử lý. Hãy đợi xong rồi yêu cầu tiếp."
    en_template = "{count} undoings are waiting already. Ask for the next when they are done."


class NotAcceptableFormError(errors.GeodataError):
    """The form of an upload lacks a part."""

    code = "FORM"
    vi_template = "Biểu mẫu thiếu hoặc sai phần “{part}”."
    en_template = "The form's part “{part}” is missing or wrong."


class PreconditionMissingError(errors.GeodataError):
    """The request changes something and does not say which state of it the client has seen."""

    code = "IF_MATCH_MISSING"
    vi_template = "Thiếu tiêu đề If-Match với ETag của bản đã xem."
    en_template = "The header If-Match with the ETag of what was seen is missing."


class StaleError(errors.GeodataError):
    """What the client has seen is not how it is any more."""

    code = "STALE"
    vi_template = "Đã có thay đổi kể từ lúc xem. Hãy xem lại bản mới rồi thực hiện lại."
    en_template = "It has changed since it was seen. Look at it again, then repeat the request."


class UploadStateError(errors.GeodataError):
    """The upload is in a state in which this cannot be done."""

    code = "UPLOAD_STATE"
    vi_template = "Lần gửi này đang ở trạng thái “{state_vi}” nên không làm được việc này."
    en_template = "The upload is in the state “{state}”, in which this cannot be done."

    def __init__(self, state: str) -> None:
        super().__init__(state=state, state_vi=_STATES_VI[state])


class ExportBusyError(errors.GeodataError):
    """Other files are being written."""

    code = "EXPORT_BUSY"
    vi_template = "Đang tạo tệp khác. Hãy thử lại sau giây lát."
    en_template = "Other files are being made. Try again in a moment."


class MethodError(errors.GeodataError):
    """The method is not one of those that the address takes."""

    code = "METHOD_NOT_ALLOWED"
    vi_template = "Phương thức không được hỗ trợ ở địa chỉ này."
    en_template = "The method is not supported here."


STATUSES: Mapping[type[Exception], HTTPStatus] = {
    errors.UnknownRegisterError: HTTPStatus.NOT_FOUND,
    errors.UnknownMatrixSetError: HTTPStatus.NOT_FOUND,
    errors.FeatureNotFoundError: HTTPStatus.NOT_FOUND,
    errors.RevisionNotFoundError: HTTPStatus.NOT_FOUND,
    errors.StaleRevisionError: HTTPStatus.PRECONDITION_FAILED,
    errors.ParameterError: HTTPStatus.BAD_REQUEST,
    errors.CodeFormatError: HTTPStatus.BAD_REQUEST,
    errors.CoordinateSystemError: HTTPStatus.BAD_REQUEST,
    errors.NotAllowedError: HTTPStatus.FORBIDDEN,
    UnreadableFileError: HTTPStatus.BAD_REQUEST,
    NotAcceptableFormError: HTTPStatus.BAD_REQUEST,
    MethodError: HTTPStatus.METHOD_NOT_ALLOWED,
    CodingError: HTTPStatus.NOT_ACCEPTABLE,
    PreconditionMissingError: HTTPStatus.PRECONDITION_REQUIRED,
    UploadStateError: HTTPStatus.CONFLICT,
    StaleError: HTTPStatus.PRECONDITION_FAILED,
    TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    TooManyWaitingError: HTTPStatus.TOO_MANY_REQUESTS,
    RollbacksWaitingError: HTTPStatus.TOO_MANY_REQUESTS,
    SignInError: HTTPStatus.UNAUTHORIZED,
    TooManyAttemptsError: HTTPStatus.TOO_MANY_REQUESTS,
    LookupLimitError: HTTPStatus.TOO_MANY_REQUESTS,
    ReadLimitError: HTTPStatus.TOO_MANY_REQUESTS,
    CheckLimitError: HTTPStatus.TOO_MANY_REQUESTS,
    EditLimitError: HTTPStatus.TOO_MANY_REQUESTS,
    EditRefusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    BodyError: HTTPStatus.BAD_REQUEST,
    HeaderError: HTTPStatus.BAD_REQUEST,
    MediaTypeError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ChecksBusyError: HTTPStatus.SERVICE_UNAVAILABLE,
    MeasuringBusyError: HTTPStatus.SERVICE_UNAVAILABLE,
    FileOptionError: HTTPStatus.BAD_REQUEST,
    NotSignedInError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    CsrfError: HTTPStatus.FORBIDDEN,
    KeyInAddressError: HTTPStatus.BAD_REQUEST,
    ExportBusyError: HTTPStatus.SERVICE_UNAVAILABLE,
    TilesBusyError: HTTPStatus.SERVICE_UNAVAILABLE,
    SelectionTooSlowError: HTTPStatus.UNPROCESSABLE_ENTITY,
    StorageAwayError: HTTPStatus.SERVICE_UNAVAILABLE,
    StreamsBusyError: HTTPStatus.SERVICE_UNAVAILABLE,
    TileListenersBusyError: HTTPStatus.SERVICE_UNAVAILABLE,
    TileListenersLimitError: HTTPStatus.TOO_MANY_REQUESTS,
    StoredFileError: HTTPStatus.GONE,
    ArchiveNotFoundError: HTTPStatus.NOT_FOUND,
    DownloadNotFoundError: HTTPStatus.NOT_FOUND,
    DownloadNotReadyError: HTTPStatus.SERVICE_UNAVAILABLE,
    RangeError: HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    errors.SettingsError: HTTPStatus.INTERNAL_SERVER_ERROR,
}

WAITS_S: Mapping[type[Exception], int] = {
    TooManyAttemptsError: int(FAILURE_WINDOW.total_seconds()),
    DownloadNotReadyError: 120,
}
"""Where the longest wait is known."""

RETRY_AFTER_S: Mapping[HTTPStatus, str] = {
    HTTPStatus.SERVICE_UNAVAILABLE: "5",
    HTTPStatus.TOO_MANY_REQUESTS: "60",
}

SENTENCES = {
    HTTPStatus.NOT_FOUND: ("Không có trang hoặc tài nguyên này.", "There is no such page or resource."),
    HTTPStatus.METHOD_NOT_ALLOWED: (MethodError.vi_template, MethodError.en_template),
    HTTPStatus.BAD_REQUEST: ("Yêu cầu không hợp lệ.", "The request is not valid."),
    HTTPStatus.NOT_ACCEPTABLE: ("Không có định dạng được yêu cầu.", "The format asked for does not exist."),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "Cơ sở dữ liệu tạm thời chưa sẵn sàng. Hãy thử lại sau giây lát.",
        "The database is not ready for the moment. Try again soon.",
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: (
        "Máy chủ gặp lỗi. Hãy gửi mã yêu cầu cho người vận hành.",
        "The server failed. Give the request id to its operator.",
    ),
}


def problem(
    request: Request,
    status: int,
    detail: str,
    *,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """Write a problem document; browsers that ask for a page get one."""
    known = HTTPStatus(status)
    body = {
        "type": f"urn:bandoso:problem:{(code or known.name).lower()}",
        "title": known.phrase,
        "status": status,
        "detail": detail,
        "instance": f"urn:bandoso:request:{request.scope.get('request_id', '')}",
        **more,
    }
    extra = {"Cache-Control": "no-store", "Vary": "Accept, Accept-Language, Cookie", **(headers or {})}
    if known in RETRY_AFTER_S:
        extra.setdefault("Retry-After", RETRY_AFTER_S[known])
    if known is HTTPStatus.UNAUTHORIZED:
        extra.setdefault("WWW-Authenticate", "Bearer")
    if _wants_page(request):
        page = render(request, "problem.html", {"problem": body}, status_code=status)
        page.headers.update(extra)
        return page
    return JSONResponse(body, status, media_type=MEDIA_TYPE, headers=extra)


def name_request(scope: Scope) -> str:
    """Return the id of a request, which it gets here where none of the framework's middleware has seen it."""
    request_id: str = scope.setdefault("request_id", uuid4().hex)
    return request_id


def write_problem(
    scope: Scope, error: errors.GeodataError, route: str
) -> tuple[HTTPStatus, tuple[tuple[bytes, bytes], ...], bytes]:
    """Write and log an error of ours for an application beside the framework.

    Returns
    -------
    HTTPStatus, tuple of headers, bytes
        The last is the document.
    """
    status, request_id = _status_of(error), name_request(scope)
    log.info("request", method=scope["method"], route=route, status=status.value, request_id=request_id)
    document = {
        "type": f"urn:bandoso:problem:{error.code.lower()}",
        "title": status.phrase,
        "status": status.value,
        "detail": _in_language(HTTPConnection(scope), error.vi, error.en),
        "instance": f"urn:bandoso:request:{request_id}",
    }
    media, number = (b"content-type", MEDIA_TYPE.encode()), (b"x-request-id", request_id.encode())
    return status, (media, (b"cache-control", b"no-store"), number), orjson.dumps(document)


def _status_of(error: errors.GeodataError) -> HTTPStatus:
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), HTTPStatus.BAD_REQUEST)


def _wants_page(request: Request) -> bool:
    """Whether a person's browser asks: it names HTML before anything else, programs do not."""
    return request.method == "GET" and request.headers.get("accept", "").startswith("text/html")


def _in_language(request: HTTPConnection, vi: str, en: str) -> str:
    return en if pick_language(request) == "en" else vi


def _sentence(request: Request, status: HTTPStatus) -> str:
    if status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return _in_language(request, *too_large_words(request.scope))
    return _in_language(request, *SENTENCES.get(status, (status.phrase, status.phrase)))


async def on_geodata_error(request: Request, error: Exception) -> Response:
    """Answer an error of ours with its own words."""
    assert isinstance(error, errors.GeodataError)
    status = _status_of(error)
    wait_s = error.detail.get("wait_s", WAITS_S.get(type(error)))
    headers = {"Retry-After": str(wait_s)} if wait_s is not None else {}
    if isinstance(error, RangeError):
        headers["Content-Range"] = f"bytes */{error.detail['size_bytes']}"
    more = {"errors": error.detail["errors"]} if isinstance(error, EditRefusedError) else {}
    if more and is_strict(request):
        headers["Preference-Applied"] = "handling=strict"
    is_large = isinstance(error, TooLargeError)
    detail = _sentence(request, status) if is_large else _in_language(request, error.vi, error.en)
    return problem(request, status, detail, code=error.code, headers=headers, **more)


async def on_validation_error(request: Request, error: Exception) -> Response:
    """Answer a malformed request with where it is malformed, never with what was sent."""
    assert isinstance(error, RequestValidationError)
    places = [
        {"pointer": "/" + "/".join(str(part) for part in fault["loc"]), "detail": fault["type"]}
        for fault in error.errors()
    ]
    return problem(
        request, HTTPStatus.BAD_REQUEST, _sentence(request, HTTPStatus.BAD_REQUEST), code="malformed", errors=places
    )


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer what the framework refuses: unknown paths, wrong methods; it has no route for browsers' OPTIONS either."""
    assert isinstance(error, HTTPException)
    is_method = error.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    opening = preflight_headers(request) if is_method else None
    if opening is not None:
        return Response(status_code=HTTPStatus.NO_CONTENT, headers=opening)
    headers = dict(error.headers or {})
    if is_method and not isinstance(error, OwnHTTPException):
        headers["Allow"] = ", ".join(allowed_methods(request))
    return problem(request, error.status_code, _sentence(request, HTTPStatus(error.status_code)), headers=headers)


async def on_database_error(request: Request, error: Exception) -> Response:
    """Answer 503 while the database is away or too busy, 500 for what it refuses; never with its words."""
    status = HTTPStatus.SERVICE_UNAVAILABLE if is_passing(error) else HTTPStatus.INTERNAL_SERVER_ERROR
    note_failure("database error", error, sqlstate=_sqlstate(error))
    return problem(request, status, _sentence(request, status))


def _sqlstate(error: Exception) -> str | None:
    return getattr(getattr(error, "orig", None), "sqlstate", None)


async def on_unexpected_error(request: Request, error: Exception) -> Response:
    """Answer what nobody foresaw with a fixed sentence; the log has the rest."""
    log.error("unexpected error", kind=type(error).__name__, exc_info=error)
    return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, _sentence(request, HTTPStatus.INTERNAL_SERVER_ERROR))


def add_problem_handlers(app: FastAPI) -> None:
    """Make every error of an app a problem document."""
    app.add_exception_handler(errors.GeodataError, on_geodata_error)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(DBAPIError, on_database_error)
    app.add_exception_handler(PoolTimeoutError, on_database_error)
    app.add_exception_handler(Exception, on_unexpected_error)
