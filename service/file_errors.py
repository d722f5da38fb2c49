"""What is refused of files that are published: archives of tiles and open data."""

from geodata.errors import GeodataError


class ArchiveNotFoundError(GeodataError):
    """There is no such archive of tiles, or none that may be public now."""

    code = "ARCHIVE_NOT_FOUND"
    vi_template = "Không có tệp lưu trữ ô bản đồ này; danh sách ở /archives."
    en_template = "There is no such archive of tiles; the list is at /archives."


class DownloadNotFoundError(GeodataError):
    """There is no such file of open data, or none that may be public now."""

    code = "DOWNLOAD_NOT_FOUND"
    vi_template = "Không có tệp này; danh sách ở /downloads."
    en_template = "There is no such file; the list is at /downloads."


class DownloadNotReadyError(GeodataError):
    """The files of a register are about to be made."""

    code = "DOWNLOAD_NOT_READY"
    vi_template = (
        "Tệp của lớp này đang được tạo. Hãy thử lại sau ít phút; danh sách ở /downloads cho biết khi nào xong."
    )
    en_template = (
        "The files of this layer are being made. Try again in some minutes; the list at /downloads tells when."
    )
