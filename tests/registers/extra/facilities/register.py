"""Declaration of the register of facilities."""

from geodata.register import Choice, Field, Label, Register, TileRule
from tests.registers.extra.facilities.model import Facility
from tests.registers.extra.facilities.schemas import FacilityIn

KINDS = {
    "wifi": Choice(Label("Wifi công cộng", "Public wifi"), "#2563eb", ("wifi cong cong",)),
    "culture_house": Choice(Label("Nhà văn hóa", "Culture house"), "#b45309", ("nvh",)),
    "post_office": Choice(Label("Bưu điện", "Post office"), "#ca8a04"),
    "loudspeaker": Choice(Label("Loa truyền thanh", "Loudspeaker"), "#7c3aed", ("loa",)),
}

REGISTER = Register(
    id="facilities",
    title=Label("Cơ sở công cộng", "Facilities"),
    description=Label(
        "Wifi, nhà văn hóa, bưu điện, loa truyền thanh.", "Wifi, culture houses, post offices, speakers."
    ),
    model=Facility,
    write=FacilityIn,
    geometry=Facility.geom,
    label="name",
    tile=TileRule(min_zoom=6, counts_below=11),
    fields=(
        Field(Facility.kind, Label("Loại", "Kind"), public=True, tile=True, choices=KINDS),
        Field(Facility.name, Label("Tên", "Name"), public=True, tile=True),
        Field(Facility.operator, Label("Đơn vị quản lý", "Operator"), public=True),
        Field(Facility.opening_hours, Label("Giờ mở cửa", "Opening hours"), public=True),
        Field(Facility.phone, Label("Điện thoại", "Phone"), aliases=("sdt",)),
        Field(Facility.commune_code, Label("Mã xã", "Commune code"), public=True),
        Field(Facility.province_code, Label("Mã tỉnh", "Province code"), public=True),
    ),
)
