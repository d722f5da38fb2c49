"""Messages about the geometry of a row, and about rows that the reader could not make out."""

from geodata.importing.message_kind import MessageKind

_QGIS = (
    "Sửa trong QGIS: Hộp công cụ xử lý (Processing) ▸ Hình học vector ▸ Sửa hình học (Fix geometries).",
    "Repair it in QGIS: Processing Toolbox ▸ Vector geometry ▸ Fix geometries.",
)
_DRAW = ("Vẽ lại hình của dòng này trong QGIS.", "Draw the shape of this row anew in QGIS.")

SHAPE_KINDS: dict[str, MessageKind] = {
    "GEOM_MISSING": MessageKind(
        "error", "Dòng không có hình học.", "The row has no geometry.",
        "Vẽ vị trí cho dòng này.", "Draw the place of this row."),
    "GEOM_EMPTY": MessageKind(
        "error", "Hình học của dòng này rỗng.", "The geometry of this row is empty.",
        "Vẽ vị trí cho dòng này.", "Draw the place of this row."),
    "GEOM_TYPE": MessageKind(
        "error", "Loại hình học {kind_vi} không dùng được cho lớp này.", "Geometry of type {kind_en} does not fit this register.",
        "Lớp này cần {wanted_vi}.", "This register needs {wanted_en}."),
    "GEOM_TYPE_UNKNOWN": MessageKind(
        "error", "Loại hình học của dòng này không đọc được.", "Geometry of this type is not read.",
        "Lớp này cần {wanted_vi}.", "This register needs {wanted_en}."),
    "GEOM_COLLECTION": MessageKind(
        "error", "Dòng có tập hợp nhiều loại hình (GeometryCollection).", "The row has a collection of shapes (GeometryCollection).",
        "Chấp nhận lấy các phần phù hợp, hoặc tách trong QGIS.", "Accept taking the parts that fit, or split it in QGIS."),
    "GEOM_NESTING": MessageKind(
        "error", "Tọa độ lồng nhau sai cấp.", "The coordinates are nested at the wrong depth.", *_DRAW),
    "GEOM_COORDINATE_TYPE": MessageKind(
        "error", "Tọa độ không phải là số.", "The coordinates are not numbers.",
        "Ghi tọa độ bằng số, không để trong dấu nháy.", "Write coordinates as numbers, without quotes."),
    "GEOM_TOO_FEW_POSITIONS": MessageKind(
        "error", "Hình có quá ít điểm để thành hình.", "The shape has too few positions.", *_DRAW),
    "GEOM_TOO_MANY_VERTICES": MessageKind(
        "error", "Hình có quá nhiều đỉnh.", "The shape has too many vertices.",
        "Đơn giản hóa hình trong QGIS (Vector ▸ Công cụ hình học ▸ Đơn giản hóa).", "Simplify it in QGIS (Vector ▸ Geometry tools ▸ Simplify)."),
    "GEOM_TOO_MANY_RINGS": MessageKind(
        "error", "Hình có quá nhiều phần hoặc lỗ.", "The shape has too many parts or holes.",
        "Tách hình thành nhiều dòng, hoặc bỏ các lỗ rất nhỏ trong QGIS (Xóa lỗ).",
        "Split it into several rows, or remove the tiny holes in QGIS (Delete holes)."),
    "GEOM_NOT_FINITE": MessageKind(
        "error", "Tọa độ có số vô hạn hoặc không xác định.", "A coordinate is infinite or undefined.", *_DRAW),
    "GEOM_UNREADABLE": MessageKind(
        "error", "Không đọc được hình học của dòng này.", "The geometry of this row cannot be read.", *_DRAW),
    "GEOM_RING_NOT_CLOSED": MessageKind(
        "error", "Ranh giới không khép kín.", "The ring is not closed.",
        "Chấp nhận tự khép kín, hoặc sửa trong QGIS.", "Accept closing it, or repair it in QGIS."),
    "GEOM_INVALID": MessageKind(
        "error", "Hình học của dòng này bị lỗi.", "The geometry of this row is broken.", *_QGIS),
    "GEOM_SELF_CROSSING": MessageKind(
        "error", "Ranh giới tự cắt chính nó.", "The boundary crosses itself.",
        "Chấp nhận sửa tự động nếu được đề nghị, hoặc sửa trong QGIS.", "Accept the repair where one is proposed, or repair it in QGIS."),
    "GEOM_HOLE_OUTSIDE": MessageKind(
        "error", "Có lỗ nằm ngoài ranh giới của vùng.", "A hole lies outside the area's boundary.", *_QGIS),
    "GEOM_NESTED": MessageKind(
        "error", "Các phần hoặc các lỗ của vùng nằm chồng trong nhau.", "Parts or holes of the area lie inside one another.", *_QGIS),
    "GEOM_SPLIT_BY_HOLES": MessageKind(
        "error", "Các lỗ chạm nhau cắt rời phần trong của vùng.", "Holes that touch cut the area's inside apart.", *_QGIS),
    "GEOM_COLLAPSED": MessageKind(
        "error", "Hình bị dẹt thành đường hoặc điểm.", "The shape is flattened to a line or a point.", *_DRAW),
    "GEOM_TOO_SMALL": MessageKind(
        "error", "Vùng chỉ rộng {value} m², nhỏ hơn mức {least} m² của lớp này.",
        "The area covers {value} m² only, less than the {least} m² of this register.",
        "Kiểm tra hệ tọa độ và hình vẽ; bỏ dòng nếu là mảnh vụn.", "Check the coordinate system and the shape; remove the row if it is a scrap."),
    "GEOM_OUTSIDE_VIETNAM": MessageKind(
        "error", "Vị trí nằm ngoài Việt Nam ({value}).", "The place lies outside Vietnam ({value}).",
        "Kiểm tra hệ tọa độ và thứ tự kinh độ, vĩ độ.", "Check the coordinate system and the order of longitude and latitude."),
    "GEOM_SWAPPED": MessageKind(
        "error", "Kinh độ và vĩ độ bị đổi chỗ ({value}).", "Longitude and latitude are swapped ({value}).",
        "Đổi lại hai cột tọa độ của dòng này.", "Swap the two coordinates of this row."),
    "GEOM_ZERO": MessageKind(
        "error", "Tọa độ là 0, 0: vị trí chưa được điền.", "The coordinates are 0, 0: the place was not filled in.",
        "Điền tọa độ thật của dòng này.", "Fill in the true coordinates of this row."),
    "GEOM_DUPLICATE_VERTICES": MessageKind(
        "warning", "Ranh giới có {value} đỉnh trùng với đỉnh đứng trước.", "The boundary repeats {value} vertices.",
        "Không ảnh hưởng; có thể chấp nhận bỏ các đỉnh trùng.", "Harmless; removing them may be accepted."),
    "GEOM_SPIKE": MessageKind(
        "warning", "Ranh giới có {value} mũi nhọn như kim.", "The boundary has {value} needle-like spikes.",
        "Xem lại chỗ đó trên bản đồ; có thể chấp nhận bỏ mũi nhọn.", "Look at the place on the map; removing them may be accepted."),
    "GEOM_DENSE": MessageKind(
        "warning", "Ranh giới có {value} đỉnh, cách nhau trung bình dưới {spacing} m.",
        "The boundary has {value} vertices, less than {spacing} m apart on average.",
        "Đơn giản hóa hình trong QGIS để bản đồ mở nhanh hơn.", "Simplify it in QGIS so that maps open faster."),
    "GEOM_AREA_DIFFERS": MessageKind(
        "warning", "“{title_vi}” ghi {value}, nhưng vùng vẽ rộng {drawn} ha.",
        "“{title_en}” says {value}, but the area drawn covers {drawn} ha.",
        "Kiểm tra đơn vị (ha hay m²), hệ tọa độ và hình vẽ.", "Check the unit (ha or m²), the coordinate system and the shape."),
    "COORDINATES_ROUNDED": MessageKind(
        "warning", "{value} trong {all} dòng có tọa độ bị làm tròn (3 số lẻ của độ hay trăm mét), ví dụ dòng {first_row}.",
        "{value} of {all} rows have rounded coordinates (3 decimals of a degree, or hundreds of metres), row {first_row} for instance.",
        "Xuất tọa độ với ít nhất 6 số lẻ (độ) hoặc 2 số lẻ (mét).", "Export coordinates with 6 decimals (degrees) or 2 (metres) at least."),
    "POINTS_IDENTICAL": MessageKind(
        "warning", "Cả {value} dòng có cùng một vị trí.", "All {value} rows have one and the same place.",
        "Kiểm tra cột tọa độ: có thể đã chép cùng một giá trị.", "Check the coordinates: one value may have been copied down."),
    "POINTS_SHARED": MessageKind(
        "info", "{value} dòng có vị trí trùng với một dòng khác (cách dưới 1 m), ví dụ dòng {row_a} và {row_b}.",
        "{value} rows share their place with another row (within 1 m), rows {row_a} and {row_b} for instance.",
        "Không phải làm gì nếu là các căn trong cùng một nhà.", "Nothing to be done if they are flats of one house."),
    "GEOM_DOUBLED": MessageKind(
        "warning", "Vùng trùng {percent} % với vùng của dòng {first_row}.", "The area coincides with that of row {first_row} by {percent} %.",
        "Nếu là một vùng, giữ một dòng.", "Keep one row if it is one and the same area."),
    "GEOM_OVERLAP": MessageKind(
        "warning", "Vùng chồng lên vùng của dòng {first_row}: {value} m².", "The area overlaps that of row {first_row} by {value} m².",
        "Sửa ranh giới chung của hai vùng trong QGIS.", "Correct the common boundary of the two in QGIS."),
    "OVERLAPS_UNCHECKED": MessageKind(
        "info", "Tệp hoặc hình quá phức tạp nên không dò hết được các vùng chồng nhau, từ dòng {value} trở đi.",
        "The file or a shape is too complex to look for all areas that overlap, from row {value} on.",
        "Chia nhỏ tệp nếu cần dò hết.", "Split the file if all of them are to be looked at."),
    "EXISTING_DOUBLED": MessageKind(
        "warning", "Vùng trùng {percent} % với bản ghi đang có “{value}”.", "The area coincides with the existing record “{value}” by {percent} %.",
        "Nếu là cùng một vùng, dùng mã của bản ghi đang có.", "Use the existing record's code if it is the same area."),
    "EXISTING_OVERLAP": MessageKind(
        "warning", "Vùng chồng lên bản ghi đang có “{value}”: {area} m².", "The area overlaps the existing record “{value}” by {area} m².",
        "Sửa ranh giới chung của hai vùng.", "Correct the common boundary of the two."),
    "EXISTING_SAME_PLACE": MessageKind(
        "warning", "Cùng vị trí (cách dưới 1 m) với bản ghi đang có “{value}”.", "The same place (within 1 m) as the existing record “{value}”.",
        "Nếu là cùng một nơi, dùng mã của bản ghi đang có.", "Use the existing record's code if it is the same place."),
    "COORDINATE_UNREADABLE": MessageKind(
        "error", "Không đọc được tọa độ của dòng này.", "The coordinates of this row cannot be read.",
        "Ghi mỗi tọa độ là một số, ví dụ 106,2310 và 20,3525.", "Write each coordinate as a number, as 106.2310 and 20.3525."),
    "FEATURE_UNREADABLE": MessageKind(
        "error", "Dòng này không phải là một đối tượng (Feature).", "This row is no feature.",
        "Xuất lại lớp dữ liệu bằng QGIS.", "Export the layer again from QGIS."),
    "FEATURE_PROPERTIES": MessageKind(
        "error", "Thuộc tính (“properties”) của dòng này không đúng dạng.", "The “properties” of this row are not of the right form.",
        "Xuất lại lớp dữ liệu bằng QGIS.", "Export the layer again from QGIS."),
    "ROW_COLUMNS": MessageKind(
        "error", "Số ô của dòng này không khớp với số cột.", "This row does not have as many cells as there are columns.",
        "Kiểm tra dấu ngăn cách và dấu nháy của dòng.", "Check the row's separators and quotes."),
    "TEXT_TOO_LONG": MessageKind(
        "error", "Dòng có ô chữ quá dài nên không đọc được.", "The row has a cell with too much text to be read.",
        "Rút gọn nội dung của ô đó.", "Shorten the text of that cell."),
    "ROW_UNREADABLE": MessageKind(
        "error", "Không đọc được dòng này.", "The row cannot be read.",
        "Sửa dòng trong tệp rồi gửi lại.", "Correct the row in the file and send it again."),
}  # fmt: skip
