"""Declaration of the register of growing areas."""

from geodata.people import PERSON, PHONE
from geodata.register import COMMUNE_FORM, Choice, Field, Hidden, Label, Register, SideList, TileRule
from geodata.registers.growing_areas.codes import FORM as CODE_FORM
from geodata.registers.growing_areas.codes import LOOKS_LIKE
from geodata.registers.growing_areas.model import GrowingArea, GrowingAreaMarket
from geodata.registers.growing_areas.schemas import GrowingAreaIn

REGIMES = {
    "domestic": Choice(Label("Nội địa", "Domestic"), aliases=("noi dia", "noi tieu", "trong nuoc")),
    "export": Choice(Label("Xuất khẩu", "Export"), aliases=("xuat khau",)),
}
STATUSES = {
    "active": Choice(Label("Đang hiệu lực", "Active"), "#3f9142", ("dang hieu luc", "hieu luc", "hoat dong")),
    "warned": Choice(Label("Bị cảnh báo", "Warned"), "#ca8a04", ("canh bao", "bi canh bao")),
    "suspended": Choice(Label("Tạm đình chỉ", "Suspended"), "#d97706", ("tam dinh chi", "tam ngung", "dinh chi")),
    "revoked": Choice(Label("Thu hồi", "Revoked"), "#b91c1c", ("thu hoi", "da thu hoi")),
    "proposed": Choice(Label("Đề xuất", "Proposed"), "#64748b", ("de xuat",)),
    "submitted": Choice(Label("Đã nộp hồ sơ", "Submitted"), "#0f766e", ("da nop", "da nop ho so")),
    "expired": Choice(Label("Hết hạn", "Expired"), "#78716c", ("het han",)),
    "withdrawn": Choice(Label("Tự rút", "Withdrawn"), "#a8a29e", ("tu rut",)),
}
MARKETS = {
    "CHN": Choice(Label("Trung Quốc", "China"), aliases=("tq", "gacc")),
    "USA": Choice(Label("Hoa Kỳ", "United States"), aliases=("my", "us")),
    "AUS": Choice(Label("Úc", "Australia"), aliases=("au",)),
    "NZL": Choice(Label("Niu Di-lân", "New Zealand"), aliases=("nz",)),
    "JPN": Choice(Label("Nhật Bản", "Japan"), aliases=("nhat",)),
    "KOR": Choice(Label("Hàn Quốc", "South Korea"), aliases=("han",)),
    "TWN": Choice(Label("Đài Loan", "Taiwan")),
    "THA": Choice(Label("Thái Lan", "Thailand")),
    "MYS": Choice(Label("Ma-lai-xi-a", "Malaysia")),
    "SGP": Choice(Label("Xinh-ga-po", "Singapore")),
    "IDN": Choice(Label("In-đô-nê-xi-a", "Indonesia")),
    "IND": Choice(Label("Ấn Độ", "India")),
    "RUS": Choice(Label("Nga", "Russia"), aliases=("lien bang nga",)),
    "CAN": Choice(Label("Ca-na-đa", "Canada")),
    "CHL": Choice(Label("Chi-lê", "Chile")),
    "PER": Choice(Label("Pê-ru", "Peru")),
    "ARG": Choice(Label("Ác-hen-ti-na", "Argentina")),
    "ARE": Choice(Label("Các Tiểu vương quốc Ả Rập Thống nhất", "United Arab Emirates"), aliases=("uae",)),
    "ZAF": Choice(Label("Nam Phi", "South Africa")),
    "SAU": Choice(Label("Ả Rập Xê Út", "Saudi Arabia")),
    "ISR": Choice(Label("I-xra-en", "Israel")),
    "CHE": Choice(Label("Thụy Sĩ", "Switzerland")),
    "GBR": Choice(Label("Anh", "United Kingdom"), aliases=("uk", "vuong quoc anh")),
    "EUE": Choice(Label("Liên minh châu Âu", "European Union"), aliases=("eu", "chau au")),
}
"""Importing countries, see `geodata.registers.growing_areas.schemas.Market`."""

METHODS = {
    "surveyed": Choice(Label("Đo đạc", "Surveyed"), aliases=("do dac",)),
    "driven": Choice(Label("Đi quanh đo GPS", "Walked or driven with GPS"), aliases=("gps", "do gps")),
    "digitised": Choice(Label("Số hóa trên bản đồ", "Digitised"), aliases=("so hoa",)),
    "imagery": Choice(Label("Tự động từ ảnh", "From imagery"), aliases=("anh vien tham",)),
    "unknown": Choice(Label("Không rõ", "Unknown"), aliases=("khong ro",)),
}

REGISTER = Register(
    id="growing_areas",
    title=Label("Vùng trồng", "Growing areas"),
    description=Label(
        "Vùng trồng có mã số: cây trồng, diện tích, đơn vị, trạng thái và thị trường.",
        "Growing areas with their codes: crop, area, holder, status and markets.",
    ),
    model=GrowingArea,
    write=GrowingAreaIn,
    geometry=GrowingArea.geom,
    point=GrowingArea.point,
    key=("code",),
    label="code",
    tile=TileRule(min_zoom=7),
    least_area_m2=10,
    area_field="area_ha",
    # Not a right yet, so nothing to show; no right any more, but buyers still look the code up.
    hidden=Hidden("status", withheld=("proposed", "submitted"), unlisted=("revoked", "expired", "withdrawn")),
    lists=(
        SideList(
            GrowingAreaMarket,
            "market_registrations",
            Label("Đăng ký thị trường", "Market registrations"),
            withheld=Hidden("status", withheld=("proposed", "submitted")),
        ),
    ),
    fields=(
        Field(
            GrowingArea.code,
            Label("Mã số vùng trồng", "Growing-area code"),
            form=CODE_FORM,
            public=True,
            tile=True,
            looks_like=LOOKS_LIKE,
            aliases=("ma", "ma so", "ma vung trong", "ma so vung trong", "ma_vung", "ma_vt", "puc", "ma_so_vung"),
        ),
        Field(GrowingArea.code_raw, Label("Mã gốc", "Code as written"), public=True),
        Field(
            GrowingArea.name,
            Label("Tên vùng trồng", "Name"),
            public=True,
            aliases=("ten", "ten vung trong", "ten_vung"),
        ),
        Field(GrowingArea.name_en, Label("Tên tiếng Anh", "English name"), public=True, aliases=("ten tieng anh",)),
        Field(GrowingArea.address, Label("Địa chỉ", "Address"), aliases=("dia chi", "dia diem", "dia_chi")),
        Field(
            GrowingArea.regime,
            Label("Hình thức", "Regime"),
            public=True,
            choices=REGIMES,
            aliases=("hinh thuc", "che do"),
        ),
        Field(
            GrowingArea.status,
            Label("Trạng thái", "Status"),
            public=True,
            tile=True,
            choices=STATUSES,
            aliases=("trang thai", "tinh trang"),
        ),
        Field(
            GrowingArea.crop,
            Label("Cây trồng", "Crop"),
            public=True,
            tile=True,
            aliases=("cay trong", "cay", "san pham", "cay_trong"),
        ),
        Field(
            GrowingArea.crop_latin,
            Label("Tên khoa học", "Scientific name"),
            public=True,
            aliases=("ten khoa hoc", "ten la tinh"),
        ),
        Field(GrowingArea.variety, Label("Giống", "Variety"), public=True, aliases=("giong",)),
        Field(
            GrowingArea.area_ha,
            Label("Diện tích (ha)", "Area (ha)"),
            units=("ha", "hecta"),
            public=True,
            tile=True,
            aliases=("dien tich", "dien tich ha", "dien_tich", "dt_ha"),
        ),
        Field(
            GrowingArea.organisation,
            Label("Đơn vị", "Organisation"),
            public=True,
            aliases=("don vi", "hop tac xa", "htx", "doanh nghiep", "to chuc", "don_vi"),
        ),
        Field(
            GrowingArea.household_count,
            Label("Số hộ tham gia", "Households"),
            units=("ho",),
            public=True,
            aliases=("so ho", "so_ho"),
        ),
        Field(
            GrowingArea.tree_count,
            Label("Số cây", "Trees"),
            units=("cay", "goc"),
            public=True,
            aliases=("so cay", "so_cay"),
        ),
        Field(
            GrowingArea.expected_yield_t,
            Label("Sản lượng dự kiến (tấn)", "Expected yield (t)"),
            units=("tan", "t"),
            public=True,
            aliases=("san luong", "san_luong"),
        ),
        Field(
            GrowingArea.harvest_months,
            Label("Tháng thu hoạch", "Harvest months"),
            public=True,
            aliases=("thang thu hoach", "thu hoach"),
        ),
        Field(
            GrowingArea.certificate, Label("Chứng nhận", "Certificate"), public=True, aliases=("chung nhan", "vietgap")
        ),
        Field(
            GrowingArea.certificate_valid_to,
            Label("Chứng nhận đến ngày", "Certificate valid to"),
            public=True,
            aliases=("han chung nhan",),
        ),
        Field(
            GrowingArea.issued_on, Label("Ngày cấp mã", "Issued on"), public=True, aliases=("ngay cap", "ngay cap ma")
        ),
        Field(
            GrowingArea.decision_number,
            Label("Số quyết định", "Decision number"),
            public=True,
            aliases=("so quyet dinh", "quyet dinh"),
        ),
        Field(
            GrowingArea.markets,
            Label("Thị trường", "Markets"),
            public=True,
            aliases=("thi truong", "cac thi truong", "thi_truong"),
        ),
        Field(
            GrowingAreaMarket.market,
            Label("Nước nhập khẩu", "Market"),
            public=True,
            choices=MARKETS,
            name_="market",
            aliases=("nuoc", "nuoc dang ky", "nuoc phe duyet"),
        ),
        Field(
            GrowingAreaMarket.valid_from,
            Label("Phê duyệt từ ngày", "Approved from"),
            public=True,
            name_="market_valid_from",
            aliases=("ngay phe duyet", "hieu luc tu"),
        ),
        Field(
            GrowingAreaMarket.valid_to,
            Label("Phê duyệt đến ngày", "Approved to"),
            public=True,
            name_="market_valid_to",
            aliases=("hieu luc den",),
        ),
        Field(
            GrowingAreaMarket.status,
            Label("Trạng thái tại thị trường", "Status in the market"),
            public=True,
            choices=STATUSES,
            name_="market_status",
            aliases=("trang thai thi truong", "trang thai phe duyet"),
        ),
        Field(
            GrowingAreaMarket.market_code,
            Label("Mã của nước nhập khẩu", "Market's own code"),
            public=True,
            aliases=("ma nuoc nhap khau", "ma trung quoc", "ma gacc"),
        ),
        Field(
            GrowingAreaMarket.decision_number,
            Label("Văn bản phê duyệt", "Approved by"),
            public=True,
            name_="market_decision",
            aliases=("so van ban", "so van ban phe duyet"),
        ),
        Field(
            GrowingArea.inspected_on,
            Label("Ngày kiểm tra", "Inspected on"),
            public=True,
            aliases=("ngay kiem tra", "ngay giam sat"),
        ),
        Field(
            GrowingArea.inspection_kind,
            Label("Hình thức kiểm tra", "Kind of inspection"),
            public=True,
            aliases=("hinh thuc kiem tra", "loai kiem tra"),
        ),
        Field(
            GrowingArea.inspection_result,
            Label("Kết quả kiểm tra", "Result of the inspection"),
            aliases=("ket qua kiem tra", "ket qua giam sat"),
        ),
        Field(GrowingArea.diary_ref, Label("Nhật ký canh tác", "Farm diary"), aliases=("nhat ky", "nhat ky canh tac")),
        Field(
            GrowingArea.commune_code,
            Label("Mã xã", "Commune code"),
            form=COMMUNE_FORM,
            public=True,
            aliases=("ma xa", "ma_xa", "maxa"),
        ),
        Field(GrowingArea.province_code, Label("Mã tỉnh", "Province code"), public=True),
        Field(
            GrowingArea.boundary_method,
            Label("Cách vẽ ranh giới", "Boundary method"),
            public=True,
            choices=METHODS,
            aliases=("cach ve",),
        ),
        Field(
            GrowingArea.representative,
            Label("Người đại diện", "Representative"),
            aliases=("nguoi dai dien", "dai dien", "chu ho", "chu vuon", "chu_ho"),
            looks_like=PERSON,
        ),
        Field(
            GrowingArea.phone,
            Label("Điện thoại", "Phone"),
            aliases=("dien thoai", "so dien thoai", "sdt", "dien_thoai"),
            looks_like=PHONE,
        ),
    ),
)
