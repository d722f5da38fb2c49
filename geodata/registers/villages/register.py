"""Declaration of the register of villages."""

from geodata.register import COMMUNE_FORM, Field, Label, Register, TileRule
from geodata.registers.villages.model import Village
from geodata.registers.villages.schemas import VillageIn
from geodata.settlements import KINDS

REGISTER = Register(
    id="villages",
    title=Label("Thôn, tổ dân phố", "Villages"),
    description=Label(
        "Thôn, xóm, bản, ấp, tổ dân phố và số hộ dùng để tính tỷ lệ gắn mã địa chỉ.",
        "Villages and the household counts that address coverage is measured against.",
    ),
    model=Village,
    write=VillageIn,
    geometry=Village.geom,
    point=Village.point,
    key=("commune_code", "name"),
    label="name",
    tile=TileRule(min_zoom=10, shares_borders=True),
    least_area_m2=100,
    fields=(
        Field(Village.code, Label("Mã thôn", "Village code"), public=True, aliases=("ma thon", "ma_thon", "ma")),
        Field(
            Village.name,
            Label("Tên", "Name"),
            public=True,
            tile=True,
            aliases=("ten", "ten thon", "ten_thon", "ten xom"),
        ),
        Field(
            Village.kind, Label("Loại", "Kind"), public=True, tile=True, choices=KINDS, aliases=("loai", "cap", "type")
        ),
        Field(
            Village.commune_code,
            Label("Mã xã", "Commune code"),
            form=COMMUNE_FORM,
            public=True,
            aliases=("ma xa", "ma_xa", "maxa"),
        ),
        Field(
            Village.household_count,
            Label("Số hộ", "Households"),
            units=("ho",),
            public=True,
            tile=True,
            aliases=("so ho", "so_ho", "soho"),
        ),
        Field(
            Village.household_count_on, Label("Ngày thống kê", "Counted on"), public=True, aliases=("ngay thong ke",)
        ),
        Field(
            Village.household_count_source,
            Label("Nguồn số hộ", "Source of the count"),
            public=True,
            aliases=("nguon so ho",),
        ),
        Field(
            Village.population,
            Label("Dân số", "Population"),
            units=("nguoi", "nhan khau"),
            public=True,
            aliases=("dan so", "dan_so"),
        ),
    ),
)
