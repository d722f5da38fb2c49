"""The errors of the data layer.

Every error carries a stable code and one sentence in each of the two languages. The service maps the classes
to HTTP answers in one table (``service.problems``); nothing below that layer knows a status code.
"""

from typing import Any, ClassVar


class GeodataError(Exception):
    """Something the data layer refuses, said in Vietnamese and English.

    Parameters
    ----------
    **detail
        Values for the placeholders of the two sentences; kept for machines.
    """

    code: str = "GEODATA"
    vi: str = "Dữ liệu không hợp lệ."
    en: str = "The data is not valid."
    vi_template: ClassVar[str] = ""
    en_template: ClassVar[str] = ""

    def __init__(self, **detail: Any) -> None:
        self.detail = detail
        if self.vi_template:
            self.vi = self.vi_template.format(**detail)
            self.en = self.en_template.format(**detail)
        super().__init__(self.en)


class UnknownRegisterError(GeodataError):
    """There is no register of this name."""

    code = "REGISTER_UNKNOWN"
    vi_template = "Không có lớp dữ liệu “{register}”."
    en_template = "There is no register “{register}”."


class UnknownMatrixSetError(GeodataError):
    """There is no tile matrix set of this name."""

    code = "MATRIX_SET_UNKNOWN"
    vi_template = "Không có hệ chia ô “{name}”; có: {known}."
    en_template = "There is no tile matrix set “{name}”; there are: {known}."


class FeatureNotFoundError(GeodataError):
    """The register holds no such feature, or none this reader may see."""

    code = "FEATURE_NOT_FOUND"
    vi_template = "Không tìm thấy đối tượng “{feature}”."
    en_template = "There is no feature “{feature}”."


class RevisionNotFoundError(GeodataError):
    """The register has no such revision."""

    code = "REVISION_NOT_FOUND"
    vi_template = "Không có đợt công bố “{revision}” của lớp này."
    en_template = "This collection has no revision “{revision}”."


class StaleRevisionError(GeodataError):
    """Another revision came after the one that the actor knew."""

    code = "REVISION_STALE"
    vi_template = "Đã có đợt công bố {revision} mới hơn. Hãy xem lại rồi thực hiện lại."
    en_template = "Revision {revision} has come in between. Look at it, then try again."


class ExportTooLargeError(GeodataError):
    """A file of this kind does not hold so many records."""

    code = "EXPORT_TOO_LARGE"
    vi_template = "Tệp bảng tính chỉ chứa được {limit} dòng. Hãy tải GeoPackage."
    en_template = "A workbook holds {limit} rows only. Take the GeoPackage."


class ParameterError(GeodataError):
    """A parameter of a request is unknown or malformed."""

    code = "PARAMETER"
    vi_template = "Tham số “{name}” không hợp lệ: {why_vi}"
    en_template = "The parameter “{name}” is not valid: {why_en}"


class NotAllowedError(GeodataError):
    """The actor has no right to this."""

    code = "NOT_ALLOWED"
    vi_template = "Tài khoản không có quyền với {what}."
    en_template = "This account has no right to {what}."


class CoordinateSystemError(GeodataError):
    """The coordinate system cannot be used."""

    code = "CRS_UNUSABLE"
    vi_template = "Không dùng được hệ tọa độ: {why_vi}"
    en_template = "The coordinate system cannot be used: {why_en}"


class NothingValidError(GeodataError):
    """A file has no row that could be published."""

    code = "NOTHING_VALID"
    vi_template = "Tệp không có dòng nào hợp lệ để công bố ({rejected} dòng bị từ chối)."
    en_template = "The file has no valid row to publish ({rejected} rows rejected)."


class CodeFormatError(GeodataError, ValueError):
    """A code does not follow the grammar of its scheme."""

    code = "CODE_FORMAT"
    vi_template = "Mã “{value}” không đúng dạng {expected}."
    en_template = "The code “{value}” is not of the form {expected}."


class SettingsError(GeodataError):
    """The installation is not configured well enough to start."""

    code = "SETTINGS"
    vi_template = "Cấu hình chưa dùng được: {why_vi}"
    en_template = "The configuration cannot be used: {why_en}"
