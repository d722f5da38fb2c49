"""Declaration of the register of digital addresses."""

from geodata.people import PERSON, PHONE
from geodata.register import COMMUNE_FORM, Choice, CodeForm, Field, Label, Register, TileRule
from geodata.registers.addresses.codes import FORMS
from geodata.registers.addresses.model import Address, AddressCode, HouseholdPrivate
from geodata.registers.addresses.schemas import AddressIn
from geodata.settlements import KINDS as VILLAGE_KINDS

KINDS = {
    "household": Choice(Label("Hộ gia đình", "Household"), "#1f6fb2", ("ho gia dinh", "ho", "nha o")),
    "agency": Choice(Label("Cơ quan", "Public agency"), "#b23a48", ("co quan",)),
    "organisation": Choice(Label("Tổ chức", "Organisation"), "#8e44ad", ("to chuc",)),
    "business": Choice(
        Label("Doanh nghiệp, hộ kinh doanh", "Business"), "#c77b0a", ("doanh nghiep", "ho kinh doanh", "kinh doanh")
    ),
    "public_place": Choice(Label("Địa điểm công cộng", "Public place"), "#2e8b57", ("dia diem cong cong", "cong cong")),
    "structure": Choice(Label("Công trình", "Structure"), "#6b7280", ("cong trinh",)),
    "place_name": Choice(Label("Địa danh", "Place name"), "#8a6d3b", ("dia danh",)),
}
STATUSES = {
    "active": Choice(Label("Đang dùng", "Active"), aliases=("dang dung", "hoat dong")),
    "inactive": Choice(Label("Ngừng dùng", "Inactive"), aliases=("ngung dung", "khong hoat dong")),
}
METHODS = {
    "gps": Choice(Label("Đo GPS", "GPS"), aliases=("do gps",)),
    "digitised": Choice(Label("Số hóa trên bản đồ", "Digitised"), aliases=("so hoa",)),
    "geocoded": Choice(Label("Suy từ địa chỉ", "Geocoded"), aliases=("suy tu dia chi",)),
    "centroid": Choice(Label("Tâm khu vực", "Centroid of an area"), aliases=("tam khu vuc",)),
}

REGISTER = Register(
    id="addresses",
    title=Label("Địa chỉ số", "Digital addresses"),
    description=Label(
        "Địa chỉ số của hộ gia đình, cơ quan, tổ chức, doanh nghiệp, địa điểm công cộng và công trình.",
        "Digital addresses of households, agencies, organisations, businesses, public places and structures.",
    ),
    model=Address,
    write=AddressIn,
    geometry=Address.geom,
    codes=AddressCode,
    key=("code",),
    label="code",
    guarded=Address.kind == "household",
    tile=TileRule(min_zoom=0, counts_below=13),
    fields=(
        Field(
            AddressCode.value,
            Label("Mã địa chỉ", "Address code"),
            public=True,
            scheme="digital_address",
            form=FORMS["digital_address"],
            name_="code",
            aliases=("ma dia chi", "ma dia chi so", "dia chi so", "ma_dia_chi", "ma_dcs", "dia_chi_so", "ma_dia_chi"),
        ),
        Field(
            AddressCode.issued_on,
            Label("Ngày cấp mã địa chỉ", "Address code issued on"),
            scheme="digital_address",
            name_="code_issued_on",
            aliases=("ngay cap ma", "ngay cap ma dia chi", "ngay_cap"),
        ),
        Field(
            AddressCode.source,
            Label("Nơi cấp mã địa chỉ", "Source of the address code"),
            scheme="digital_address",
            name_="code_source",
            aliases=("noi cap ma", "nguon ma dia chi", "don vi cap ma"),
        ),
        Field(
            AddressCode.value,
            Label("Vpostcode", "Vpostcode"),
            public=True,
            scheme="vpostcode",
            form=FORMS["vpostcode"],
            name_="vpostcode",
        ),
        Field(
            AddressCode.value,
            Label("Mã định danh địa điểm", "Location identifier"),
            public=True,
            scheme="location_id",
            form=FORMS["location_id"],
            name_="location_id",
            aliases=("ma dinh danh", "ma dinh danh dia diem", "ma_dinh_da"),
        ),
        Field(
            Address.kind,
            Label("Loại", "Kind"),
            public=True,
            tile=True,
            choices=KINDS,
            aliases=("loai", "loai doi tuong", "doi tuong", "loai_dt"),
        ),
        Field(Address.name, Label("Tên", "Name"), public=True, aliases=("ten", "ten co quan", "ten don vi", "ten_dv")),
        Field(
            Address.house_number,
            Label("Số nhà", "House number"),
            public=True,
            tile=True,
            aliases=("so nha", "so_nha", "sonha"),
        ),
        Field(
            Address.alley, Label("Ngõ, ngách, hẻm", "Alley"), public=True, aliases=("ngo", "ngach", "hem", "ngo hem")
        ),
        Field(
            Address.street,
            Label("Đường, phố", "Street"),
            public=True,
            aliases=("duong", "pho", "ten duong", "duong pho", "ten_duong"),
        ),
        Field(
            Address.village,
            Label("Thôn, tổ dân phố", "Village"),
            public=True,
            aliases=("thon", "xom", "ban", "ap", "to dan pho", "thon xom", "ten thon", "ten_thon"),
        ),
        Field(
            Address.settlement_kind,
            Label("Loại thôn, tổ dân phố", "Kind of village"),
            public=True,
            choices=VILLAGE_KINDS,
            aliases=("loai thon", "loai khu dan cu"),
        ),
        Field(
            Address.commune_code,
            Label("Mã xã", "Commune code"),
            form=COMMUNE_FORM,
            public=True,
            aliases=("ma xa", "ma_xa", "maxa"),
        ),
        Field(Address.province_code, Label("Mã tỉnh", "Province code"), public=True),
        Field(
            Address.legacy_district,
            Label("Huyện cũ", "Former district"),
            public=True,
            aliases=("huyen", "quan", "huyen cu"),
        ),
        Field(
            Address.postcode,
            Label("Mã bưu chính", "Postcode"),
            form=CodeForm(Label("5 hoặc 6 chữ số", "5 or 6 digits"), "40000"),
            public=True,
            aliases=("ma buu chinh", "buu chinh", "ma_bc"),
        ),
        Field(
            Address.full_address,
            Label("Địa chỉ đầy đủ", "Full address"),
            aliases=("dia chi", "dia chi day du", "dia_chi"),
        ),
        Field(Address.status, Label("Trạng thái", "Status"), public=True, choices=STATUSES, aliases=("trang thai",)),
        Field(
            Address.position_method,
            Label("Cách xác định vị trí", "Position method"),
            public=True,
            choices=METHODS,
            aliases=("phuong phap", "cach xac dinh"),
        ),
        Field(
            Address.position_accuracy_m,
            Label("Sai số vị trí (m)", "Position accuracy (m)"),
            units=("m", "met"),
            public=True,
            aliases=("sai so", "do chinh xac"),
        ),
        Field(
            Address.entrances,
            Label("Lối vào", "Entrances"),
            public=True,
            aliases=("loi vao", "cong vao", "cac loi vao"),
        ),
        Field(
            Address.recorded_on,
            Label("Ngày thu thập", "Recorded on"),
            public=True,
            aliases=("ngay thu thap", "ngay_tt"),
        ),
        Field(Address.notified_on, Label("Ngày thông báo", "Notified on"), aliases=("ngay thong bao",)),
        Field(Address.plate_attached_on, Label("Ngày gắn biển", "Plate attached on"), aliases=("ngay gan bien",)),
        Field(
            HouseholdPrivate.head_name,
            Label("Chủ hộ", "Head of household"),
            aliases=("chu ho", "ten chu ho", "ho ten", "ho va ten", "chu_ho"),
            looks_like=PERSON,
        ),
        Field(
            HouseholdPrivate.phone,
            Label("Điện thoại", "Phone"),
            aliases=("dien thoai", "so dien thoai", "sdt", "dien_thoai"),
            looks_like=PHONE,
        ),
    ),
)
