"""Declaration of the register of rural tourism points."""

from sqlalchemy import func

from geodata.people import PHONE
from geodata.register import COMMUNE_FORM, Choice, Field, Label, Register, TileRule
from geodata.registers.tourism_points.model import TourismPoint
from geodata.registers.tourism_points.schemas import TourismPointIn

CATEGORIES = {
    "homestay": Choice(Label("Homestay", "Homestay"), "#b45309", ("luu tru", "nha nghi")),
    "community_village": Choice(
        Label("Làng du lịch cộng đồng", "Community tourism village"), "#15803d", ("du lich cong dong",)
    ),
    "farm_visit": Choice(
        Label("Trang trại, vườn", "Farm or orchard"), "#4d7c0f", ("trang trai", "vuon", "du lich canh nong")
    ),
    "craft_village": Choice(Label("Làng nghề", "Craft village"), "#7c3aed", ("lang nghe",)),
    "heritage": Choice(
        Label("Di tích, danh thắng", "Heritage or landscape"), "#be123c", ("di tich", "danh thang", "danh lam")
    ),
    "eco_site": Choice(Label("Điểm sinh thái", "Eco site"), "#047857", ("sinh thai",)),
    "local_food": Choice(Label("Ẩm thực địa phương", "Local food"), "#c2410c", ("am thuc", "quan an")),
    "ocop_shop": Choice(Label("Điểm bán OCOP", "OCOP shop"), "#a16207", ("ocop", "diem ban ocop")),
    "visitor_centre": Choice(Label("Trung tâm đón khách", "Visitor centre"), "#0369a1", ("trung tam don khach",)),
    "transport": Choice(Label("Bến, bãi đỗ xe", "Parking or jetty"), "#475569", ("ben xe", "bai do xe", "ben thuyen")),
}
STATUSES = {
    "open": Choice(Label("Đang mở", "Open"), aliases=("mo", "dang mo", "hoat dong")),
    "closed": Choice(Label("Đóng cửa", "Closed"), aliases=("dong", "dong cua")),
    "seasonal": Choice(Label("Theo mùa", "Seasonal"), aliases=("theo mua",)),
}

CONSENT = TourismPoint.contact_consent.is_(True)
CREDITED = TourismPoint.photo_credit.is_not(None) & TourismPoint.photo_licence.is_not(None)
STILL_VALID = TourismPoint.ocop_valid_to >= func.current_date()

REGISTER = Register(
    id="tourism_points",
    title=Label("Du lịch nông thôn", "Rural tourism"),
    description=Label(
        "Điểm du lịch nông thôn: homestay, làng nghề, trang trại, di tích, ẩm thực, OCOP.",
        "Rural tourism points: homestays, craft villages, farms, heritage, food, OCOP.",
    ),
    model=TourismPoint,
    write=TourismPointIn,
    geometry=TourismPoint.geom,
    key=("slug",),
    label="name",
    tile=TileRule(min_zoom=5),
    fields=(
        Field(TourismPoint.slug, Label("Tên đường dẫn", "Slug"), public=True),
        Field(TourismPoint.name, Label("Tên", "Name"), public=True, tile=True, aliases=("ten", "ten diem", "name:vi")),
        Field(
            TourismPoint.name_en,
            Label("Tên tiếng Anh", "English name"),
            public=True,
            tile=True,
            aliases=("ten tieng anh", "name:en"),
        ),
        Field(
            TourismPoint.category,
            Label("Loại", "Category"),
            public=True,
            tile=True,
            choices=CATEGORIES,
            aliases=("loai", "loai hinh", "nhom"),
        ),
        Field(
            TourismPoint.description,
            Label("Giới thiệu", "Description"),
            public=True,
            aliases=("gioi thieu", "mo ta", "desc"),
        ),
        Field(
            TourismPoint.description_en,
            Label("Giới thiệu tiếng Anh", "Description in English"),
            public=True,
            aliases=("mo ta tieng anh",),
        ),
        Field(
            TourismPoint.organisation,
            Label("Đơn vị quản lý", "Host organisation"),
            public=True,
            aliases=("don vi", "don vi quan ly", "chu the"),
        ),
        Field(
            TourismPoint.ocop_stars,
            Label("Sao OCOP", "OCOP stars"),
            public=True,
            public_if=STILL_VALID,
            aliases=("ocop", "sao ocop", "so sao"),
        ),
        Field(
            TourismPoint.ocop_decision,
            Label("Quyết định OCOP", "OCOP decision"),
            public=True,
            public_if=STILL_VALID,
            aliases=("quyet dinh ocop",),
        ),
        Field(
            TourismPoint.ocop_valid_to,
            Label("OCOP hiệu lực đến", "OCOP valid to"),
            public=True,
            public_if=STILL_VALID,
            aliases=("han ocop",),
        ),
        Field(TourismPoint.beds, Label("Số giường", "Beds"), units=("giuong",), public=True, aliases=("so giuong",)),
        Field(
            TourismPoint.guests_per_day,
            Label("Khách mỗi ngày", "Guests per day"),
            units=("khach", "nguoi"),
            public=True,
            aliases=("suc chua", "so khach"),
        ),
        Field(TourismPoint.opening_hours, Label("Giờ mở cửa", "Opening hours"), public=True, aliases=("gio mo cua",)),
        Field(
            TourismPoint.season_months, Label("Tháng có mùa", "Season months"), public=True, aliases=("mua", "thang")
        ),
        Field(
            TourismPoint.festivals,
            Label("Lễ hội", "Festivals"),
            public=True,
            aliases=("le hoi", "ngay hoi"),
        ),
        Field(
            TourismPoint.price_from_vnd,
            Label("Giá từ (đồng)", "Price from (VND)"),
            units=("dong", "d", "vnd"),
            public=True,
            aliases=("gia tu", "gia"),
        ),
        Field(
            TourismPoint.price_to_vnd,
            Label("Giá đến (đồng)", "Price to (VND)"),
            units=("dong", "d", "vnd"),
            public=True,
            aliases=("gia den",),
        ),
        Field(
            TourismPoint.languages, Label("Ngôn ngữ phục vụ", "Languages spoken"), public=True, aliases=("ngon ngu",)
        ),
        Field(TourismPoint.services, Label("Dịch vụ", "Services"), public=True, aliases=("dich vu",)),
        Field(
            TourismPoint.accessibility,
            Label("Hỗ trợ người khuyết tật", "Accessibility"),
            public=True,
            aliases=("nguoi khuyet tat",),
        ),
        Field(TourismPoint.road_access, Label("Đường vào", "Road access"), public=True, aliases=("duong vao",)),
        Field(
            TourismPoint.phone,
            Label("Điện thoại", "Phone"),
            public=True,
            public_if=CONSENT,
            aliases=("dien thoai", "sdt", "so dien thoai"),
            looks_like=PHONE,
        ),
        Field(TourismPoint.zalo, Label("Zalo", "Zalo"), public=True, public_if=CONSENT),
        Field(
            TourismPoint.contact_consent,
            Label("Đồng ý công khai liên hệ", "Consent to show contact"),
            aliases=("dong y",),
        ),
        Field(TourismPoint.website, Label("Trang web", "Website"), public=True, aliases=("trang web", "web")),
        Field(TourismPoint.booking_url, Label("Đặt chỗ", "Booking"), public=True, aliases=("dat cho",)),
        Field(
            TourismPoint.photo_url,
            Label("Ảnh", "Photo"),
            public=True,
            public_if=CREDITED,
            aliases=("anh", "hinh anh", "link anh"),
        ),
        Field(
            TourismPoint.photo_credit,
            Label("Tác giả ảnh", "Photo credit"),
            public=True,
            public_if=CREDITED,
            aliases=("tac gia anh", "nguon anh"),
        ),
        Field(
            TourismPoint.photo_licence,
            Label("Giấy phép ảnh", "Photo licence"),
            public=True,
            public_if=CREDITED,
            aliases=("giay phep anh", "ban quyen anh"),
        ),
        Field(TourismPoint.tour_url, Label("Tham quan 360°", "Virtual visit"), public=True, aliases=("360", "vr")),
        Field(
            TourismPoint.status,
            Label("Tình trạng", "Status"),
            public=True,
            choices=STATUSES,
            aliases=("tinh trang", "trang thai"),
        ),
        Field(TourismPoint.verified_on, Label("Ngày kiểm tra", "Verified on"), public=True, aliases=("ngay kiem tra",)),
        Field(TourismPoint.verified_by, Label("Người kiểm tra", "Verified by"), aliases=("nguoi kiem tra",)),
        Field(
            TourismPoint.commune_code,
            Label("Mã xã", "Commune code"),
            form=COMMUNE_FORM,
            public=True,
            aliases=("ma xa", "ma_xa", "maxa"),
        ),
        Field(TourismPoint.province_code, Label("Mã tỉnh", "Province code"), public=True),
    ),
)
