"""Declaration of the register of communes."""

from geodata.register import COMMUNE_FORM, PROVINCE_FORM, Choice, Field, Label, Register, TileRule
from geodata.registers.communes.model import Commune
from geodata.registers.communes.schemas import CommuneIn

KINDS = {
    "xa": Choice(Label("Xã", "Commune"), "#8a8f3f", ("xa", "commune")),
    "phuong": Choice(Label("Phường", "Ward"), "#b0703c", ("phuong", "ward")),
    "dac_khu": Choice(Label("Đặc khu", "Special zone"), "#2f7f8f", ("dac khu", "special zone")),
}

REGISTER = Register(
    id="communes",
    title=Label("Xã, phường, đặc khu", "Communes"),
    description=Label(
        "3.321 xã, phường, đặc khu, có thời hạn hiệu lực và căn cứ pháp lý.",
        "The 3,321 communes, wards and special zones, with validity dates and legal notes.",
    ),
    model=Commune,
    write=CommuneIn,
    geometry=Commune.geom,
    key=("code",),
    label="full_name",
    tile=TileRule(min_zoom=5, keeps_all=True, shares_borders=True),
    least_area_m2=1000,
    fields=(
        Field(
            Commune.code,
            Label("Mã xã", "Commune code"),
            form=COMMUNE_FORM,
            public=True,
            tile=True,
            aliases=("ma xa", "ma_xa", "maxa", "ma"),
        ),
        Field(Commune.name, Label("Tên", "Name"), public=True, aliases=("ten", "ten xa", "ten_xa")),
        Field(
            Commune.full_name,
            Label("Tên đầy đủ", "Full name"),
            public=True,
            tile=True,
            aliases=("ten day du", "ten_day_du"),
        ),
        Field(
            Commune.name_en, Label("Tên tiếng Anh", "English name"), public=True, tile=True, aliases=("ten tieng anh",)
        ),
        Field(
            Commune.kind,
            Label("Loại", "Kind"),
            public=True,
            tile=True,
            choices=KINDS,
            aliases=("loai", "unit_type", "type", "cap"),
        ),
        Field(
            Commune.province_code,
            Label("Mã tỉnh", "Province code"),
            form=PROVINCE_FORM,
            public=True,
            tile=True,
            aliases=("ma tinh", "ma_tinh", "matinh"),
        ),
        Field(
            Commune.area_km2,
            Label("Diện tích (km²)", "Area (km²)"),
            units=("km2",),
            public=True,
            aliases=("dien tich", "area_km2_declared", "dien_tich"),
        ),
        Field(Commune.valid_from, Label("Hiệu lực từ", "Valid from"), public=True, aliases=("hieu luc tu",)),
        Field(Commune.valid_to, Label("Hiệu lực đến", "Valid to"), public=True, aliases=("hieu luc den",)),
        Field(Commune.legal_note, Label("Căn cứ pháp lý", "Legal note"), public=True, aliases=("can cu",)),
    ),
)
