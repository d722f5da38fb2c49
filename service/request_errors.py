"""What is wrong with the headers and the body of a request, whatever it is about."""

from geodata.errors import GeodataError


class HeaderError(GeodataError):
    """A header of the request cannot be followed."""

    code = "HEADER"
    vi_template = "Tiêu đề {name} không dùng được: {why_vi}"
    en_template = "The header {name} cannot be used: {why_en}"


class BodyError(GeodataError):
    """The body is not what its media type says, or lacks what it must have."""

    code = "BODY"
    vi_template = "Không đọc được nội dung gửi lên: {why_vi}"
    en_template = "The body cannot be read: {why_en}"


class MediaTypeError(GeodataError):
    """The body is of a kind that is not read here."""

    code = "MEDIA_TYPE"
    vi_template = "Nội dung gửi lên phải thuộc kiểu: {known}."
    en_template = "The body must be of one of these types: {known}."


class RangeError(GeodataError):
    """A file has none of the bytes that are asked for."""

    code = "RANGE_NOT_SATISFIABLE"
    vi_template = "Tệp chỉ có {size_bytes} byte."
    en_template = "The file has {size_bytes} bytes only."


class CodingError(GeodataError):
    """The client takes no content coding that there is, not even none."""

    code = "CODING"
    vi_template = "Accept-Encoding không nhận gzip và cũng không nhận bản không nén."
    en_template = "Accept-Encoding takes neither gzip nor an answer that is not compressed."
