"""The tourism points of the sample by category: names and texts in both languages, and what visitors ask."""

from dataclasses import dataclass

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class PlaceKind:
    """One category of places.

    Attributes
    ----------
    category : str
        As in the register's list.
    ground : {"village", "edge", "field", "open"}
        Where such a place lies: among houses, at the edge of a village, in a field, or in the open.
    names : tuple of (Vietnamese, English)
    about : tuple of (Vietnamese, English)
        Descriptions, given in turn.
    services : tuple of str
    hours : str
    months : tuple of int
        Season; empty where it is open all year.
    price_vnd : (int, int), optional
    beds : (int, int), optional
    """

    category: str
    ground: str
    names: tuple[Pair, ...]
    about: tuple[Pair, ...]
    services: tuple[str, ...]
    hours: str = "8:00–17:00"
    months: tuple[int, ...] = ()
    price_vnd: tuple[int, int] | None = None
    beds: tuple[int, int] | None = None


KINDS = (
    PlaceKind(
        "homestay", "village",
        (("Homestay Hàng Cau", "Areca Row Homestay"), ("Homestay Vườn Nhãn", "Longan Garden Homestay"),
         ("Homestay Bờ Kênh", "Canalside Homestay"), ("Homestay Ao Sen", "Lotus Pond Homestay"),
         ("Homestay Nhà Ba Gian", "Three-Bay House Homestay"), ("Homestay Gió Đồng", "Field Breeze Homestay")),
        (("Nhà gỗ ba gian có vườn và ao, khách ăn cùng gia đình và được mượn xe đạp.",
          "A three-bay timber house with a garden and a pond; guests eat with the family and may borrow bicycles."),
         ("Phòng nhìn ra cánh đồng; chủ nhà hướng dẫn nấu món quê vào buổi chiều.",
          "Rooms look over the fields; in the afternoon the hosts teach country cooking.")),
        ("Bữa ăn gia đình", "Xe đạp", "Wi-Fi"), "24/24", price_vnd=(250_000, 600_000), beds=(4, 18)),
    PlaceKind(
        "community_village", "village",
        (("Làng du lịch cộng đồng Bến Mẫu", "Ben Mau Community Village"),
         ("Làng du lịch cộng đồng Cầu Ngói Nhỏ", "Little Tiled Bridge Community Village"),
         ("Làng du lịch cộng đồng Ngõ Gạch", "Brick Lane Community Village"),
         ("Làng du lịch cộng đồng Đồng Sau", "Back Field Community Village"),
         ("Làng du lịch cộng đồng Xóm Chài", "Fishers' Hamlet Community Village"),
         ("Làng du lịch cộng đồng Giếng Đình", "Temple Well Community Village")),
        (("Cả xóm cùng đón khách: dạo ngõ gạch, xem hát chèo tối thứ bảy, ăn cơm niêu.",
          "The whole hamlet receives guests: brick lanes, chèo opera on Saturday evenings, clay-pot rice."),),
        ("Hướng dẫn viên", "Hát chèo", "Bữa ăn"), "7:00–21:00", price_vnd=(80_000, 450_000), beds=(10, 40)),
    PlaceKind(
        "farm_visit", "field",
        (("Vườn nhãn Ông Bảy Mẫu", "Bay Mau Longan Orchard"), ("Trang trại sen Đồng Trũng", "Low Field Lotus Farm"),
         ("Vườn ổi Bãi Trong", "Inner Bank Guava Garden"), ("Trang trại rau Bốn Mùa Mẫu", "Four Seasons Sample Farm"),
         ("Vườn chuối ngự Bến Cát", "Sand Landing Banana Garden"), ("Ruộng lúa trải nghiệm Đường Đê", "Dyke Road Rice Field")),
        (("Khách hái quả, theo nông dân làm đồng và mua về theo cân.",
          "Visitors pick fruit, work a little beside the farmers and buy by weight."),
         ("Lối đi lát gạch giữa các luống, có lán nghỉ và nước uống.",
          "Brick paths between the beds, a shelter and drinks.")),
        ("Hái quả", "Lán nghỉ", "Bãi đỗ xe"), "7:00–17:00", (5, 6, 7, 8, 9), (30_000, 120_000)),
    PlaceKind(
        "craft_village", "village",
        (("Làng nghề đan cói Mẫu", "Mau Sedge Weaving Village"), ("Làng nghề mộc Ngõ Dài", "Long Lane Woodworkers"),
         ("Làng nghề nón lá Đầu Đình", "Temple Gate Hat Makers"), ("Làng nghề dệt Bờ Ao", "Pond Bank Weavers"),
         ("Làng nghề gốm Lò Cũ", "Old Kiln Potters"), ("Làng nghề hoa giấy Xóm Trại", "Camp Hamlet Paper Flowers")),
        (("Thợ làm tại sân nhà, khách ngồi làm thử một sản phẩm nhỏ mang về.",
          "The craftspeople work in their yards; visitors try their hand and take a small piece home."),),
        ("Làm thử", "Cửa hàng", "Gửi hàng"), price_vnd=(20_000, 150_000)),
    PlaceKind(
        "heritage", "village",
        (("Đình Mẫu Cổ", "Old Mau Communal House"), ("Chùa Quang Mẫu", "Quang Mau Pagoda"),
         ("Đền Bến Trong", "Inner Landing Temple"), ("Nhà thờ họ Ngõ Đá", "Stone Lane Clan House"),
         ("Cầu đá Kênh Cũ", "Old Canal Stone Bridge"), ("Giếng cổ Xóm Thượng", "Upper Hamlet Ancient Well")),
        (("Gian chính dựng bằng gỗ lim, sân lát gạch Bát Tràng; hội mở vào tháng ba âm lịch.",
          "The main hall is of ironwood, the yard of Bát Tràng brick; the festival is in the third lunar month."),
         ("Công trình nhỏ bên ao làng, mỗi sáng có người trông coi mở cửa.",
          "A small work by the village pond, opened every morning by its keeper.")),
        ("Thuyết minh", "Chỗ gửi xe"), "6:00–18:00"),
    PlaceKind(
        "eco_site", "open",
        (("Đầm sen Mẫu", "Mau Lotus Lagoon"), ("Vườn cò Bãi Ngoài", "Outer Bank Egret Garden"),
         ("Rừng bần Cửa Sông Mẫu", "Mau Estuary Mangroves"), ("Đường đạp xe Bờ Kênh", "Canal Bank Cycle Path"),
         ("Hồ câu Đồng Chiêm", "Winter Field Fishing Lake"), ("Bãi ngắm chim Đê Đông", "East Dyke Bird Lookout")),
        (("Đi thuyền nan hoặc đi bộ trên bờ; chim nhiều nhất lúc sáng sớm và chiều muộn.",
          "By bamboo boat or on foot along the bank; birds are most at dawn and late afternoon."),),
        ("Thuyền nan", "Chòi quan sát"), "5:30–18:00", (4, 5, 6, 9, 10, 11), (20_000, 100_000)),
    PlaceKind(
        "local_food", "village",
        (("Phở bò Ngã Ba Mẫu", "Mau Crossroads Beef Noodles"), ("Bánh cuốn Chợ Chiều", "Evening Market Rice Rolls"),
         ("Bún cá Bến Đò", "Ferry Landing Fish Noodles"), ("Cơm quê Sân Gạch", "Brick Yard Country Kitchen"),
         ("Kẹo lạc Ngõ Nhỏ", "Small Lane Peanut Candy"), ("Nem nắm Cổng Làng", "Village Gate Nem")),
        (("Món quê nấu theo mùa, nguyên liệu mua trong xã; nên gọi trước khi đi đông người.",
          "Country dishes by the season from what the commune grows; larger parties should call ahead."),),
        ("Ăn tại chỗ", "Mang về"), "6:00–20:00", price_vnd=(25_000, 180_000)),
    PlaceKind(
        "ocop_shop", "village",
        (("Điểm bán OCOP An Mẫu", "An Mau OCOP Shop"), ("Điểm bán OCOP Phú Mẫu", "Phu Mau OCOP Shop"),
         ("Điểm bán OCOP Thịnh Mẫu", "Thinh Mau OCOP Shop"), ("Cửa hàng gạo nếp Đồng Mẫu", "Dong Mau Sticky Rice Shop"),
         ("Cửa hàng nước mắm Bến Mẫu", "Ben Mau Fish Sauce Shop"), ("Cửa hàng trà sen Đầm Mẫu", "Dam Mau Lotus Tea Shop")),
        (("Bày bán sản phẩm của các hợp tác xã trong xã, có tem truy xuất nguồn gốc.",
          "Sells what the commune's cooperatives make, with traceability labels."),),
        ("Thanh toán không tiền mặt", "Gửi hàng"), "7:30–19:00", price_vnd=(15_000, 500_000)),
    PlaceKind(
        "visitor_centre", "village",
        (("Nhà đón khách An Mẫu", "An Mau Visitor House"), ("Nhà đón khách Phú Mẫu", "Phu Mau Visitor House"),
         ("Nhà đón khách Thịnh Mẫu", "Thinh Mau Visitor House"), ("Điểm thông tin Cổng Làng", "Village Gate Information Point"),
         ("Điểm thông tin Chợ Mẫu", "Mau Market Information Point"), ("Điểm thông tin Bến Thuyền", "Boat Landing Information Point")),
        (("Có bản đồ giấy, chỗ nghỉ, nước uống và người chỉ đường biết tiếng Anh.",
          "Paper maps, a place to rest, drinking water, and directions in English."),),
        ("Bản đồ", "Nhà vệ sinh", "Nước uống")),
    PlaceKind(
        "transport", "edge",
        (("Bến thuyền Kênh Mẫu", "Mau Canal Jetty"), ("Bãi đỗ xe Đình Mẫu", "Mau Communal House Car Park"),
         ("Bãi đỗ xe Đường Đê", "Dyke Road Car Park"), ("Bến đò Bãi Ngoài", "Outer Bank Ferry Landing"),
         ("Trạm xe đạp Ao Sen", "Lotus Pond Cycle Station"), ("Bãi đỗ xe Chợ Mẫu", "Mau Market Car Park")),
        (("Chỗ đỗ cho xe đến 29 chỗ, từ đây đi bộ vào làng khoảng năm phút.",
          "Room for coaches of up to 29 seats; the village is five minutes away on foot."),),
        ("Trông xe", "Mái che"), "5:00–21:00", price_vnd=(5_000, 30_000)),
)  # fmt: skip
