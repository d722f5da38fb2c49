"""Declaration of the register of New Rural Development results."""

from geodata.register import COMMUNE_FORM, Choice, Field, Label, Register, TileRule
from geodata.registers.ntm_results.model import NtmResult
from geodata.registers.ntm_results.schemas import NtmResultIn

LEVELS = {
    "not_met": Choice(
        Label("Chưa đạt", "Not met yet"), "#d5d9dc", ("chua dat", "chua dat chuan", "chua dat chuan ntm", "chua")
    ),
    "standard": Choice(
        Label("Đạt chuẩn", "Meets the standard"), "#c2e699",
        ("dat chuan", "dat chuan ntm", "dat chuan nong thon moi", "xa ntm", "xa nong thon moi", "dat", "ntm"),
    ),
    "advanced": Choice(
        Label("Nâng cao", "Advanced"), "#5fb566",
        ("nang cao", "ntm nang cao", "dat chuan ntm nang cao", "xa ntm nang cao", "nong thon moi nang cao", "ntmnc"),
    ),
    "smart": Choice(Label("Thông minh", "Smart"), "#4a90b8", ("thong minh", "xa thong minh", "xa ntm thong minh")),
    "model": Choice(
        Label("Kiểu mẫu", "Model"), "#11683a",
        ("kieu mau", "ntm kieu mau", "dat chuan ntm kieu mau", "xa ntm kieu mau", "nong thon moi kieu mau", "ntmkm"),
    ),
    "modern": Choice(Label("Hiện đại", "Modern"), "#3f2b6e", ("hien dai", "ntm hien dai", "xa ntm hien dai")),
}  # fmt: skip
"""Decision 924/QĐ-TTg (2022) for 2021–2025; Decision 51/2025/QĐ-TTg for 2026–2030. The colours grow darker with the level."""

REGISTER = Register(
    id="ntm_results",
    title=Label("Kết quả nông thôn mới", "New Rural Development results"),
    description=Label(
        "Mức đạt nông thôn mới của từng xã theo giai đoạn, với quyết định công nhận; vùng là địa giới của xã.",
        "What each commune reached in New Rural Development, by period, with the decision; the area is the commune's.",
    ),
    model=NtmResult,
    write=NtmResultIn,
    geometry=NtmResult.geom,
    key=("commune_code", "commune_name", "period", "level"),
    label="commune_name",
    tile=TileRule(min_zoom=5, keeps_all=True, is_shown_first=False),
    least_area_m2=1000,
    takes_commune_area=True,
    fields=(
        Field(
            NtmResult.level,
            Label("Mức đạt", "Level"),
            public=True,
            tile=True,
            choices=LEVELS,
            aliases=(
                "muc dat", "muc dat ntm", "ket qua", "ket qua ntm", "nong thon moi", "danh hieu", "danh hieu ntm",
                "trang thai", "tinh trang",
            ),
        ),
        Field(
            NtmResult.commune_code,
            Label("Mã xã", "Commune code"),
            form=COMMUNE_FORM,
            public=True,
            tile=True,
            aliases=("ma xa", "ma_xa", "maxa"),
        ),
        Field(
            NtmResult.commune_name,
            Label("Tên xã", "Commune"),
            public=True,
            tile=True,
            aliases=("ten xa", "ten", "xa", "don vi", "ten don vi"),
        ),
        Field(NtmResult.period, Label("Giai đoạn", "Period"), public=True, tile=True, aliases=("giai doan", "thoi ky")),
        Field(
            NtmResult.subject,
            Label("Lĩnh vực", "Subject"),
            public=True,
            aliases=("linh vuc", "linh vuc noi troi", "linh vuc kieu mau"),
        ),
        Field(
            NtmResult.criteria_met,
            Label("Số tiêu chí đạt", "Criteria met"),
            public=True,
            units=("tieu chi",),
            aliases=("so tieu chi dat", "so tieu chi", "tieu chi dat"),
        ),
        Field(
            NtmResult.decision_number,
            Label("Số quyết định", "Decision number"),
            public=True,
            aliases=("so quyet dinh", "quyet dinh", "so qd", "quyet dinh cong nhan"),
        ),
        Field(
            NtmResult.decided_by,
            Label("Cơ quan quyết định", "Decided by"),
            public=True,
            aliases=("co quan quyet dinh", "co quan cong nhan", "co quan ban hanh"),
        ),
        Field(
            NtmResult.valid_from,
            Label("Công nhận từ ngày", "Valid from"),
            public=True,
            tile=True,
            aliases=("ngay quyet dinh", "ngay cong nhan", "ngay qd", "ngay ky", "hieu luc tu", "ngay danh gia"),
        ),
        Field(
            NtmResult.valid_to,
            Label("Hết hiệu lực từ ngày", "Valid to"),
            public=True,
            tile=True,
            aliases=("het hieu luc", "hieu luc den", "ngay thu hoi"),
        ),
        Field(NtmResult.province_code, Label("Mã tỉnh", "Province code"), public=True),
    ),
)  # fmt: skip
