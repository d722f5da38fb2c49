"""What the person who starts the service reads, Vietnamese first and English second."""

import sys
from contextlib import suppress
from pathlib import Path


class OperatorError(RuntimeError):
    """Something the operator has to mend; the message says how.

    Parameters
    ----------
    vi, en : str
        The same message in Vietnamese and in English.
    """

    def __init__(self, vi: str, en: str) -> None:
        self.vi = vi
        self.en = en
        super().__init__(f"{vi}\n{en}")


def say(vi: str, en: str = "") -> None:
    """Print one message; a console that is gone does not matter."""
    with suppress(OSError):
        sys.stdout.write(f"{vi} ({en})\n" if en else f"{vi}\n")
        sys.stdout.flush()


def grouped(number: int) -> str:
    """Write a whole number in groups of three digits, with the space that reads the same in both languages (ISO 80000-1).

    Examples
    --------
    >>> grouped(1234567)
    '1\u202f234\u202f567'
    """
    return f"{number:,}".replace(",", "\u202f")


def say_summary(address: str, login: Path | None) -> None:
    """Print where the service is, the sample officer's login and three things to try.

    Parameters
    ----------
    address : str
        Without a slash at the end.
    login : Path or None
        Text file with the sample officer's name and password; left out when it does not exist.
    """
    account = login.read_text(encoding="utf-8").split() if login is not None and login.exists() else []
    officer = "\n  Cán bộ mẫu / sample officer: {}   mật khẩu / password: {}\n".format(*account) if account else ""
    say(f"""
  bandoso đang chạy tại {address}   (dừng: Ctrl-C)
  bandoso is running at {address}   (stop: Ctrl-C)
{officer}
  Thử ngay / Try:
  1. Mở {address} và gõ tên một thôn hoặc một mã địa chỉ vào ô tìm kiếm (dữ liệu mẫu: Xuân Điền).
     Open {address} and type a village or an address code into the search box (sample data: Xuân Điền).
  2. Đăng nhập, gửi một tệp CSV, shapefile (zip) hay GeoPackage: xem lỗi và thay đổi, rồi công bố bằng một nút bấm.
     Sign in, upload a CSV, zipped shapefile or GeoPackage: see what is wrong and what would change, then publish with a click.
  3. Trong QGIS, thêm kết nối “WFS / OGC API - Features” tới {address}/
     In QGIS, add a “WFS / OGC API - Features” connection to {address}/
""")
