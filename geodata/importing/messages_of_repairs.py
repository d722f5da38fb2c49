"""What can be repaired without asking what was meant, and the messages that tell what a repair did.

A repair is proposed, and done only where the sender accepted its code.
"""

from geodata.importing.message_kind import MessageKind, Sentences

REPAIRS: dict[str, Sentences] = {
    "REPAIR_CLOSE_RING": Sentences("Khép kín ranh giới còn hở", "Close rings that are open"),
    "REPAIR_SELF_CROSSING": Sentences(
        "Sửa ranh giới tự cắt, khi diện tích đổi không quá 1 %",
        "Repair boundaries that cross themselves, where the area changes by 1 % at most"),
    "REPAIR_COLLECTION": Sentences(
        "Lấy các phần phù hợp với lớp từ tập hợp hình", "Take the parts that fit the register out of collections"),
    "REPAIR_SWAPPED": Sentences(
        "Đổi lại kinh độ và vĩ độ bị đảo", "Swap longitude and latitude back"),
    "REPAIR_DUPLICATE_VERTICES": Sentences("Bỏ các đỉnh trùng nhau", "Remove repeated vertices"),
    "REPAIR_SPIKES": Sentences("Bỏ các mũi nhọn như kim", "Remove needle-like spikes"),
    "REPAIR_CODE_FORM": Sentences(
        "Sửa dạng của mã: số 0 đầu bị mất, chữ O thay số 0, đuôi “.0”",
        "Restore the form of codes: lost leading zeros, letter O for 0, a trailing “.0”"),
    "REPAIR_NUMBER_FORM": Sentences("Bỏ đơn vị viết sau số (ha, tấn, hộ…)", "Remove units written behind numbers (ha, t …)"),
    "REPAIR_DATE_FORM": Sentences(
        "Đọc ngày viết khác mẫu (ngày … tháng … năm …, 5/3/26, số ngày của Excel)",
        "Read dates of other forms (in words, 5/3/26, day numbers of Excel)"),
}  # fmt: skip
"""Repairs by code, and what each does."""

_LOOK = ("Xem lại hình trên bản đồ trước khi công bố.", "Look at the shape on the map before publishing.")
_READ = ("Đối chiếu với giấy tờ gốc.", "Compare it with the original.")

REPAIR_KINDS: dict[str, MessageKind] = {
    "REPAIRED_CLOSE_RING": MessageKind(
        "info", "Đã khép kín ranh giới; diện tích đổi {change} m².", "The ring was closed; the area changed by {change} m².", *_LOOK),
    "REPAIRED_SELF_CROSSING": MessageKind(
        "info", "Đã sửa ranh giới tự cắt; diện tích đổi {change} m².",
        "The boundary that crossed itself was repaired; the area changed by {change} m².", *_LOOK),
    "REPAIRED_COLLECTION": MessageKind(
        "info", "Đã lấy {parts} phần phù hợp từ tập hợp hình; diện tích đổi {change} m².",
        "{parts} fitting parts were taken out of the collection; the area changed by {change} m².", *_LOOK),
    "REPAIRED_SWAPPED": MessageKind(
        "info", "Đã đổi lại kinh độ và vĩ độ.", "Longitude and latitude were swapped back.", *_LOOK),
    "REPAIRED_DUPLICATE_VERTICES": MessageKind(
        "info", "Đã bỏ {value} đỉnh trùng nhau; hình không đổi.", "{value} repeated vertices were removed; the shape is the same.", *_LOOK),
    "REPAIRED_SPIKES": MessageKind(
        "info", "Đã bỏ {value} mũi nhọn; diện tích đổi {change} m².", "{value} spikes were removed; the area changed by {change} m².", *_LOOK),
    "REPAIRED_CODE_FORM": MessageKind(
        "info", "“{title_vi}”: {value} được đọc là {after}.", "“{title_en}”: {value} was read as {after}.", *_READ),
    "REPAIRED_NUMBER_FORM": MessageKind(
        "info", "“{title_vi}”: {value} được đọc là {after}.", "“{title_en}”: {value} was read as {after}.", *_READ),
    "REPAIRED_DATE_FORM": MessageKind(
        "info", "“{title_vi}”: {value} được đọc là {after}.", "“{title_en}”: {value} was read as {after}.", *_READ),
    "REPAIR_TOO_LARGE": MessageKind(
        "info", "Không sửa tự động được: diện tích sẽ đổi {change} m² ({percent} %).",
        "No automatic repair: the area would change by {change} m² ({percent} %).",
        "Vẽ lại hình của dòng này trong QGIS.", "Draw the shape of this row anew in QGIS."),
}  # fmt: skip
