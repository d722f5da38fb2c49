"""What stands beside the files of an area for people: whose they are, what the columns mean, what they are called."""

from geodata.exporting.snapshot import Part
from geodata.register import Label

_TEXT = """{title}
{line}
{description}

Giấy phép / Licence: {licence}
Ghi công / Attribution: {attribution}
Đợt công bố / Revision: {revision} ({changed_at})

Các tệp cùng một trạng thái dữ liệu; kiểm tra bằng: sha256sum -c SHA256SUMS
All files hold the same state of the data; check them with: sha256sum -c SHA256SUMS

- CSV, Excel: kinh độ, vĩ độ WGS 84. Văn bản bắt đầu bằng = + - @ trong CSV có dấu nháy đơn ở trước.
  CSV, Excel: longitude, latitude WGS 84. Texts that begin with = + - @ have an apostrophe before them in CSV.
- Shapefile: VN-2000 (tệp .prj), UTF-8 (tệp .cpg), tên cột rút còn 10 ký tự như dưới đây, văn bản cắt ở 254 byte.
  Shapefile: VN-2000 (.prj), UTF-8 (.cpg), names of columns cut to 10 letters as below, texts cut at 254 bytes.

{columns}
"""


def readme_of(part: Part) -> str:
    """Return the text, Vietnamese and English."""
    about = part.about
    return _TEXT.format(
        title=about["title"], line="=" * len(about["title"]), description=about["description"],
        licence=about["licence"] or "-", attribution=about["attribution"], revision=about["revision"],
        changed_at=part.changed_at, columns=_columns(part),
    )  # fmt: skip


def _columns(part: Part) -> str:
    columns = part.columns
    head = Label("tên trong shapefile", "name in the shapefile")
    rows = [("cột / column", f"{head.vi} / {head.en}", "nghĩa / meaning")]
    rows += [(name, columns.short_names[name], f"{title.vi} / {title.en}") for name, title in columns.titles.items()]
    first, second = (max(len(row[at]) for row in rows) for at in (0, 1))
    return "\n".join(f"{name:<{first}}  {short:<{second}}  {title}" for name, short, title in rows)
