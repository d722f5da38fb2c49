"""Declaration of the register of provinces."""

from geodata.register import PROVINCE_FORM, Choice, Field, Label, Register, TileRule
from geodata.registers.provinces.model import Province
from geodata.registers.provinces.schemas import ProvinceIn

KINDS = {
    "tinh": Choice(Label("Tỉnh", "Province"), "#7a6f9b", ("tinh",)),
    "thanh_pho": Choice(Label("Thành phố", "City"), "#9b6f8a", ("thanh pho", "tp", "city")),
}

REGISTER = Register(
    id="provinces",
    title=Label("Tỉnh, thành phố", "Provinces"),
    description=Label(
        "34 tỉnh, thành phố trực thuộc trung ương, có thời hạn hiệu lực.",
        "The 34 provinces and centrally run cities, with validity dates.",
    ),
    model=Province,
    write=ProvinceIn,
    geometry=Province.geom,
    key=("code",),
    label="full_name",
    tile=TileRule(min_zoom=0, keeps_all=True, shares_borders=True),
    least_area_m2=1000,
    fields=(
        Field(
            Province.code,
            Label("Mã tỉnh", "Province code"),
            form=PROVINCE_FORM,
            public=True,
            tile=True,
            aliases=("ma tinh", "ma_tinh", "matinh", "ma"),
        ),
        Field(Province.name, Label("Tên", "Name"), public=True, aliases=("ten", "ten tinh", "ten_tinh")),
        Field(
            Province.full_name,
            Label("Tên đầy đủ", "Full name"),
            public=True,
            tile=True,
            aliases=("ten day du", "ten_day_du"),
        ),
        Field(
            Province.name_en, Label("Tên tiếng Anh", "English name"), public=True, tile=True, aliases=("ten tieng anh",)
        ),
        Field(
            Province.kind,
            Label("Loại", "Kind"),
            public=True,
            tile=True,
            choices=KINDS,
            aliases=("loai", "unit_type", "type"),
        ),
        Field(
            Province.area_km2,
            Label("Diện tích (km²)", "Area (km²)"),
            units=("km2",),
            public=True,
            aliases=("dien tich", "area_km2_declared"),
        ),
        Field(Province.valid_from, Label("Hiệu lực từ", "Valid from"), public=True, aliases=("hieu luc tu",)),
        Field(Province.valid_to, Label("Hiệu lực đến", "Valid to"), public=True, aliases=("hieu luc den",)),
        Field(Province.legal_note, Label("Căn cứ pháp lý", "Legal note"), public=True, aliases=("can cu",)),
    ),
)
