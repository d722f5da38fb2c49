"""The messages of a report: code, level and the two languages, with what to do about it."""

from collections.abc import Mapping
from typing import Any

from geodata.importing.message_kind import MessageKind
from geodata.importing.messages_of_files import EXPORT_ANEW, FILE_KINDS, FORMAT_NAMES_VI, FORMAT_REMEDIES
from geodata.importing.messages_of_repairs import REPAIR_KINDS
from geodata.importing.messages_of_shapes import SHAPE_KINDS

_NOT_TOLD, _LONGEST_FACT = "…", 1000

KINDS: dict[str, MessageKind] = {
    **FILE_KINDS,
    **SHAPE_KINDS,
    **REPAIR_KINDS,
    "FIELD_MISSING": MessageKind(
        "error", "Thiếu “{title_vi}”.", "“{title_en}” is missing.",
        "Điền giá trị vào tệp rồi gửi lại.", "Fill in the value and send the file again."),
    "FIELD_INVALID": MessageKind(
        "error", "“{title_vi}” không hợp lệ: {value}.", "“{title_en}” is not valid: {value}.",
        "Sửa giá trị theo ví dụ ở mục 2 của Hướng dẫn cán bộ.", "Correct the value as in the examples of the officer's guide, section 2."),
    "FIELD_TOO_LONG": MessageKind(
        "error", "“{title_vi}” quá dài.", "“{title_en}” is too long.",
        "Rút gọn giá trị.", "Shorten the value."),
    "CHOICE_UNKNOWN": MessageKind(
        "error", "“{value}” không có trong danh mục “{title_vi}”.", "“{value}” is not in the list “{title_en}”.",
        "Dùng một trong các giá trị: {choices}.", "Use one of: {choices}."),
    "CODE_FORMAT": MessageKind(
        "error", "Mã “{value}” sai dạng của “{title_vi}”: cần {form_vi}, ví dụ {example}.",
        "The code “{value}” is not of the form of “{title_en}”: it takes {form_en}, {example} for instance.",
        "Kiểm tra lại mã; số 0 ở đầu có thể đã mất khi mở bằng Excel.",
        "Check the code; a leading zero may have been lost in a spreadsheet."),
    "CODE_MISSING": MessageKind(
        "warning", "Dòng không có “{title_vi}”: lần gửi sau chỉ nhận ra được theo vị trí và nội dung giống hệt.",
        "The row has no “{title_en}”: a later file can recognise it by identical place and content only.",
        "Điền mã nếu đã được cấp.", "Fill in the code where one was issued."),
    "NUMBER_UNREADABLE": MessageKind(
        "error", "“{title_vi}” không phải là số: {value}.", "“{title_en}” is not a number: {value}.",
        "Chỉ ghi số, không kèm chữ hay đơn vị.", "Write the number alone, without words or units."),
    "NUMBER_NOT_WHOLE": MessageKind(
        "error", "“{title_vi}” phải là số nguyên: {value}.", "“{title_en}” takes a whole number: {value}.",
        "Bỏ phần lẻ.", "Remove the fraction."),
    "NUMBER_NEGATIVE": MessageKind(
        "error", "“{title_vi}” không thể là số âm: {value}.", "“{title_en}” cannot be negative: {value}.",
        "Sửa lại số.", "Correct the number."),
    "NUMBER_TOO_SMALL": MessageKind(
        "error", "“{title_vi}” nhỏ quá mức có thể: {value} (cần {bound}).",
        "“{title_en}” is smaller than it can be: {value} (needed: {bound}).",
        "Sửa lại số; kiểm tra đơn vị.", "Correct the number; check the unit."),
    "NUMBER_TOO_LARGE": MessageKind(
        "error", "“{title_vi}” lớn quá mức có thể: {value} (cần {bound}).",
        "“{title_en}” is larger than it can be: {value} (needed: {bound}).",
        "Sửa lại số; kiểm tra đơn vị (ha hay m²) và số 0 thừa.", "Correct the number; check the unit (ha or m²) and extra zeros."),
    "DATE_UNREADABLE": MessageKind(
        "error", "“{title_vi}” không phải là ngày: {value}.", "“{title_en}” is not a date: {value}.",
        "Ghi ngày/tháng/năm, ví dụ 05/03/2026.", "Write day/month/year, 05/03/2026 for instance."),
    "DATE_FUTURE": MessageKind(
        "error", "“{title_vi}” là ngày chưa tới: {value}.", "“{title_en}” lies in the future: {value}.",
        "Sửa lại ngày; kiểm tra thứ tự ngày và tháng.", "Correct the date; check the order of day and month."),
    "DATE_TOO_EARLY": MessageKind(
        "error", "“{title_vi}” quá sớm: {value}.", "“{title_en}” is too early: {value}.",
        "Sửa lại ngày; ngày năm 1900 thường là ô trống của Excel.", "Correct the date; days of 1900 are mostly empty cells of Excel."),
    "DATES_REVERSED": MessageKind(
        "error", "“{title_vi}” không sau ngày bắt đầu: {value}.", "“{title_en}” does not follow the first day: {value}.",
        "Kiểm tra hai ngày của dòng.", "Check the two dates of the row."),
    "YES_NO_UNREADABLE": MessageKind(
        "error", "“{title_vi}” không phải là có hoặc không: {value}.", "“{title_en}” is neither yes nor no: {value}.",
        "Ghi “có” hoặc “không”.", "Write “yes” or “no”."),
    "PHONE_FORM": MessageKind(
        "error", "“{title_vi}” không phải là số điện thoại: {value}.", "“{title_en}” is not a telephone number: {value}.",
        "Ghi một số, từ 7 đến 20 chữ số, ví dụ 0912 345 678.", "Write one number of 7 to 20 digits, 0912 345 678 for instance."),
    "LINK_FORM": MessageKind(
        "error", "“{title_vi}” không phải là địa chỉ web: {value}.", "“{title_en}” is not a web address: {value}.",
        "Ghi đủ https://…", "Write it in full, https://…"),
    "LIST_TOO_LONG": MessageKind(
        "error", "“{title_vi}” có quá nhiều mục.", "“{title_en}” has too many entries.",
        "Bỏ bớt mục.", "Leave some out."),
    "LIST_ENTRY": MessageKind(
        "error", "“{title_vi}” có mục không hợp lệ: {value}.", "“{title_en}” has an entry that is not valid: {value}.",
        "Sửa các mục, cách nhau bằng dấu phẩy.", "Correct the entries, with commas between them."),
    "RULE_REFUSED": MessageKind(
        "error", "Các thay đổi trong tệp làm một bản ghi trái quy tắc “{value}”; không dòng nào được công bố.",
        "A record would break the rule “{value}” once changed; no row was published.",
        "Kiểm tra các cột liên quan; nếu không rõ, đưa báo cáo này cho người vận hành.",
        "Check the columns concerned; give this report to the operator if in doubt."),
    "CODE_DOUBLED": MessageKind(
        "error", "Mã “{value}” đã có ở dòng {first_row}.", "The code “{value}” stands in row {first_row} already.",
        "Giữ một dòng cho mỗi mã.", "Keep one row for each code."),
    "CODE_TAKEN": MessageKind(
        "error", "Mã “{value}” đang thuộc về một bản ghi khác.", "The code “{value}” belongs to another record.",
        "Kiểm tra lại mã, hoặc sửa bản ghi đang giữ mã này.", "Check the code, or correct the record that holds it."),
    "RECORD_EXISTS": MessageKind(
        "error", "“{value}” đã có trong lớp dữ liệu; tệp này chỉ được thêm mới.",
        "“{value}” is in the register already, and this file may only add.",
        "Bỏ dòng này, hoặc gửi tệp ở chế độ cập nhật.", "Remove the row, or send the file to update records."),
    "OTHERS_PUBLISHED": MessageKind(
        "warning", "Trong lúc tệp chờ, có người khác đã công bố thay đổi ở cùng bản ghi hoặc cùng xã.",
        "While the file waited, somebody else published changes to the same records or commune.",
        "Xem lại phần thay đổi vừa được tính lại rồi công bố.", "Look at the changes, which were found anew, then publish."),
    "REPLACE_INCOMPLETE": MessageKind(
        "warning", "{value} dòng bị từ chối và không rõ là của bản ghi nào, nên không bản ghi nào bị xóa.",
        "{value} rows were rejected and which records they are about is not known, so no record is removed.",
        "Sửa các dòng bị từ chối rồi gửi lại để thay toàn bộ danh sách.", "Correct the rejected rows and send the file again to replace the list."),
    "REPLACE_WITHHELD": MessageKind(
        "warning", "{value} bản ghi không công khai, tệp không có, được giữ lại dù thay toàn bộ danh sách.",
        "{value} records that are not public, and not in the file, are kept although the list is replaced.",
        "Muốn bỏ cả các bản ghi này: tải tệp đầy đủ ở trang Cán bộ, xóa các dòng đó trong tệp rồi gửi lại.",
        "To remove these too: download the full file at the officers' desk, delete their rows in it and send that."),
    "ID_UNKNOWN": MessageKind(
        "error", "Không có bản ghi nào mang id “{value}”.", "No record has the id “{value}”.",
        "Xóa ô id nếu đây là bản ghi mới; nếu không, tải lại tệp xuất của đúng lớp dữ liệu.",
        "Empty the cell where the record is new; else take a fresh export of this register."),
    "ID_DOUBLED": MessageKind(
        "error", "Id “{value}” đã có ở dòng {first_row}.", "The id “{value}” stands in row {first_row} already.",
        "Bản sao của một đối tượng là bản ghi mới: xóa ô id của nó.",
        "A copy of a feature is a new record: empty its cell id."),
    "NAME_DOUBLED": MessageKind(
        "error", "“{value}” đã có ở dòng {first_row}, cùng xã.", "“{value}” of the same commune stands in row {first_row} already.",
        "Nếu là hai nơi khác nhau, ghi hai tên khác nhau; nếu không, giữ một dòng.",
        "Give two places two names; keep one row for one place."),
    "RULE_BROKEN": MessageKind(
        "error", "Ghép với bản ghi đang có, dòng này trái quy tắc: {value}.",
        "Together with the record it changes, the row breaks a rule: {rule_en}.",
        "Điền thêm trong tệp các cột liên quan, hoặc sửa bản ghi đang có.",
        "Give the columns concerned in the file too, or correct the record."),
    "CODE_UNUSUAL": MessageKind(
        "warning", "Mã “{value}” không theo mẫu nào của danh sách xuất khẩu.",
        "The code “{value}” follows no format of the export lists.",
        "Kiểm tra lại mã, ví dụ VN-DNOR-0269 hoặc 75-PUC-SR-00001-CHN; nếu đúng thì giữ nguyên.",
        "Check the code, as VN-DNOR-0269 or 75-PUC-SR-00001-CHN; keep it where it is right."),
    "AREA_SMALL": MessageKind(
        "warning", "Vùng xuất khẩu chỉ {value} ha, dưới mức {least} ha thường được yêu cầu.",
        "An export area of {value} ha only, below the {least} ha that are commonly asked for.",
        "Kiểm tra đơn vị (ha hay m²); nếu đúng thì giữ nguyên.", "Check the unit (ha or m²); keep it where it is right."),
    "NUMBER_UNCLEAR": MessageKind(
        "warning", "“{title_vi}” ghi {value}: đã đọc là số lẻ, không phải hàng nghìn.",
        "“{title_en}” says {value}: read as a fraction, not as thousands.",
        "Nếu là hàng nghìn, bỏ dấu chấm hoặc dấu phẩy rồi gửi lại.", "If thousands are meant, remove the mark and send it again."),
    "COMMUNE_UNKNOWN": MessageKind(
        "error", "Không có xã với mã “{value}”.", "There is no commune with the code “{value}”.",
        "Dùng mã xã 5 chữ số hiện hành (Quyết định 19/2025/QĐ-TTg); mã của xã cũ trước ngày 01/07/2025 không còn dùng.",
        "Use the current 5-digit commune code (Decision 19/2025/QĐ-TTg); codes from before 1 July 2025 are no longer in use."),
    "COMMUNE_NOT_YOURS": MessageKind(
        "error", "Dòng thuộc xã {value}, ngoài phạm vi của tài khoản.", "The row is of commune {value}, outside the account's scope.",
        "Bỏ dòng này hoặc nhờ cán bộ của xã đó.", "Remove the row or ask that commune's officer."),
    "COMMUNE_OTHER": MessageKind(
        "error", "Dòng ghi xã {value}, không phải xã đã chọn {commune}.", "The row says commune {value}, not the chosen {commune}.",
        "Tách dòng này sang tệp của xã đó, hoặc gửi lại mà không chọn xã (“Theo nội dung tệp”).",
        "Move the row to that commune's file, or send the file without choosing a commune."),
    "COMMUNE_NOT_FOUND": MessageKind(
        "error", "Vị trí không nằm trong xã nào đã có ranh giới.", "The place lies in no commune with a loaded boundary.",
        "Điền mã xã, hoặc kiểm tra hệ tọa độ.", "Fill in the commune code, or check the coordinate system."),
    "OUTSIDE_COMMUNE": MessageKind(
        "error", "Vị trí ở ngoài {commune_name} khoảng {distance}.", "The place lies about {distance} outside {commune_name}.",
        "Kiểm tra tọa độ, hệ tọa độ hoặc mã xã.", "Check the coordinates, the coordinate system or the commune code."),
    "OUTSIDE_ZONE": MessageKind(
        "error", "Vị trí ở ngoài {commune_name} khoảng {distance}; tọa độ dòng này đúng với múi {zone}.",
        "The place lies about {distance} outside {commune_name}; the row's coordinates fit the zone {zone}.",
        "Tách dòng này sang tệp riêng và gửi với hệ tọa độ {choice}, hoặc chuyển về cùng múi với tệp.",
        "Move the row to a file of its own and send that with {choice}, or convert it to the zone of the file."),
    "BOUNDARY_UNKNOWN": MessageKind(
        "warning", "Chưa có ranh giới của xã {value}, vị trí không được kiểm tra.",
        "The boundary of commune {value} is not loaded, so places were not checked.",
        "Nhờ người vận hành nạp ranh giới xã (bandoso units load).", "Ask the operator to load the boundaries (bandoso units load)."),
    "COLUMN_UNUSED": MessageKind(
        "info", "Cột “{value}” không thuộc lớp này, đã bỏ qua.", "The column “{value}” is not of this register and was left out.",
        "Đổi tên cột nếu đây là một trường cần dùng.", "Rename the column if it is a field to be used."),
    "COLUMN_GUESSED": MessageKind(
        "info", "Cột “{value}” được hiểu là “{title_vi}” vì các giá trị của nó.",
        "The column “{value}” was taken for “{title_en}” because of its values.",
        "Nếu sai, chọn trường khác cho cột này rồi kiểm tra lại.", "If that is wrong, choose another field and check again."),
    "COLUMN_MAYBE": MessageKind(
        "warning", "Cột “{value}” có thể là “{title_vi}”, nhưng chưa chắc nên đã bỏ qua.",
        "The column “{value}” may be “{title_en}”, but that is not certain, so it was left out.",
        "Chọn trường cho cột này nếu đúng.", "Choose the field of this column if so."),
    "COLUMN_REMEMBERED": MessageKind(
        "info", "Cột “{value}” được hiểu là “{title_vi}” như lần gửi trước.",
        "The column “{value}” was taken for “{title_en}”, as chosen before.",
        "Nếu sai, chọn trường khác cho cột này rồi kiểm tra lại.", "If that is wrong, choose another field and check again."),
    "COLUMN_CHOICE": MessageKind(
        "error", "Chưa rõ cột nào là tọa độ: {listed}.", "It is not clear which columns hold the coordinates: {listed}.",
        "Chọn một cặp cột: kinh độ (hoặc X) và vĩ độ (hoặc Y); hoặc một cột WKT.",
        "Choose a pair of columns: longitude (or x) and latitude (or y); or one column of WKT."),
    "COLUMN_UNKNOWN": MessageKind(
        "error", "Tệp không có cột “{name}” như đã chọn.", "The file has no column “{name}”, which was chosen.",
        "Xem lại tên các cột của tệp rồi chọn lại.", "Look at the names of the file's columns and choose again."),
    "COLUMN_MISSING": MessageKind(
        "error", "Không cột nào của tệp được hiểu là “{title_vi}”, mà dòng nào cũng phải có.",
        "No column of the file was taken for “{title_en}”, which every row must have.",
        "Chọn cột của trường này nếu tệp có; nếu không, thêm cột vào tệp rồi gửi lại.",
        "Choose the field's column if the file has one; else add a column to the file and send it again."),
    "FIELD_UNKNOWN": MessageKind(
        "error", "Cột “{name}” được chọn làm trường “{field}”, nhưng lớp này không có trường đó.",
        "The column “{name}” was chosen as the field “{field}”, which this register does not have.",
        "Chọn một trường của lớp này, hoặc bỏ qua cột.", "Choose a field of this register, or leave the column out."),
    "FIELD_TWICE": MessageKind(
        "error", "Cột “{name}” và một cột khác cùng được chọn làm “{title_vi}”.",
        "The column “{name}” and another one were both chosen as “{title_en}”.",
        "Giữ lựa chọn cho một cột, bỏ qua cột kia.", "Keep the choice for one column, leave the other out."),
    "CRS_ASSUMED": MessageKind(
        "warning", "Tệp không ghi hệ tọa độ; đã coi là WGS 84 (độ).", "The file names no coordinate system; WGS 84 (degrees) was assumed.",
        "Đúng thì không phải làm gì; sai thì chọn hệ tọa độ, hoặc kèm tệp .prj rồi gửi lại.",
        "Nothing to be done where that is right; else choose the coordinate system, or add the .prj and send it again."),
    "CRS_FOUND": MessageKind(
        "info", "Tệp không ghi hệ tọa độ; vị trí các dòng cho thấy đó là {value} ({inside} % nằm trong xã).",
        "The file names no coordinate system; where its rows lie shows that it is {value_en} ({inside} % lie in their commune).",
        "Nếu không phải, chọn hệ tọa độ khác.", "Choose another coordinate system where that is wrong."),
    "CRS_CHOICE": MessageKind(
        "error", "Tệp không ghi hệ tọa độ và vị trí các dòng chưa đủ để khẳng định; khả năng nhất: {value} ({inside} % nằm trong xã).",
        "The file names no coordinate system and where its rows lie does not prove one; most likely: {value_en} ({inside} % lie in their commune).",
        "Trên bản đồ, chọn khả năng có các điểm nằm trong ranh giới xã và đúng nhà, đúng đường. Hai khả năng có khi chỉ cách nhau khoảng "
        "200 m (có hay không chuyển giữa VN-2000 và WGS 84): so với một điểm đã biết chắc vị trí. Khả năng nhất là {choice}.",
        "On the map, choose the one whose points lie inside the commune's boundary and at the right houses and roads. Two may be only "
        "some 200 m apart (with or without the shift between VN-2000 and WGS 84): compare a point whose place is known. Most likely {choice}."),
    "CRS_DOUBTFUL": MessageKind(
        "error", "Tệp ghi {stated} ({stated_inside} % nằm trong xã), nhưng tọa độ khớp với {value} hơn nhiều ({inside} %).",
        "The file says {stated_en} ({stated_inside} % lie in their commune), but the coordinates fit {value_en} far better ({inside} %).",
        "Xem bản đồ và chọn {choice}; nếu tệp ghi đúng, chọn lại hệ tọa độ của tệp và kiểm tra xã đã chọn.",
        "Look at the map and choose {choice}; where the file is right, choose its own and check the commune."),
    "DATUM_TRAP": MessageKind(
        "error", "Nếu đọc là {stated}, dữ liệu lệch khoảng {shift} so với ranh giới xã: thiếu hoặc thừa bước chuyển giữa VN-2000 và "
        "WGS 84. Dữ liệu khớp khi đọc là {value} ({inside} % nằm trong xã, so với {stated_inside} %).",
        "Read as {stated_en}, the data lies about {shift} off the commune's boundary: the shift between VN-2000 and WGS 84 was left out "
        "or made twice. It fits when read as {value_en} ({inside} % lie in their commune, against {stated_inside} %).",
        "Xem bản đồ rồi chọn {choice}; nếu chắc chắn tệp ghi đúng, chọn lại hệ tọa độ của tệp.",
        "Look at the map, then choose {choice}; choose the file's own where that is surely right."),
    "DATUM_TRAP_MAYBE": MessageKind(
        "warning", "Tệp ghi {stated} ({stated_inside} % nằm trong xã), nhưng đọc là {value} thì khớp hơn ({inside} %): có thể thiếu hoặc "
        "thừa bước chuyển giữa VN-2000 và WGS 84, khi đó dữ liệu lệch khoảng {shift}. Số điểm chưa đủ để khẳng định.",
        "The file says {stated_en} ({stated_inside} % lie in their commune), but {value_en} fits better ({inside} %): the shift between "
        "VN-2000 and WGS 84 may have been left out or made twice, and the data then lies about {shift} off. Too few places to be certain.",
        "Trên bản đồ xem trước, so hai khả năng với một nhà hay ngã ba đã biết chắc vị trí, rồi chọn {choice} hoặc hệ mà tệp ghi.",
        "On the preview map, compare both with a house or junction whose place is known, then choose {choice} or what the file says."),
    "CRS_NOT_PROVEN": MessageKind(
        "info", "Vị trí các dòng khớp với {stated} như tệp ghi, nhưng chưa loại trừ được bẫy hệ quy chiếu: nếu khi làm tệp đã bỏ sót "
        "bước chuyển giữa VN-2000 và WGS 84, dữ liệu lệch khoảng {shift}.",
        "The rows lie where {stated_en}, which the file says, has them, but that does not exclude the datum trap: if the shift between "
        "VN-2000 and WGS 84 was left out when the file was made, the data lies about {shift} off.",
        "Trên bản đồ xem trước, so với một nhà hay ngã ba đã biết chắc vị trí, hoặc hỏi người đo. Đúng thì không phải làm gì; lệch thì chọn {choice}.",
        "On the preview map, compare a house or junction whose place is known, or ask the surveyor. Nothing to be done where it is right; "
        "else choose {choice}."),
    "CRS_INACCURATE": MessageKind(
        "warning", "Độ chính xác của phép chuyển từ {value} sang WGS 84: {accuracy}.",
        "Accuracy of the transformation from {value_en} to WGS 84: {accuracy_en}.",
        "Nếu có bản VN-2000 hay WGS 84 của dữ liệu thì gửi bản đó; nếu không, so vài điểm đã biết chắc vị trí trên bản đồ.",
        "Send the data in VN-2000 or WGS 84 where you have it so; else compare some places that are known on the map."),
    "ZONE_MIXED": MessageKind(
        "warning", "{value} dòng thuộc múi khác với tệp ({file_zone}): {zones}. Các dòng đó bị từ chối, không tự chuyển.",
        "{value} rows are in another zone than the file ({file_zone_en}): {zones}. They were rejected, not moved.",
        "Tách mỗi múi thành một tệp rồi gửi với hệ tọa độ của múi đó.",
        "Make one file of each zone and send it with that zone's coordinate system."),
    "CRS_MISSING": MessageKind(
        "error", "Tệp không ghi hệ tọa độ và tọa độ không phải độ ở Việt Nam.",
        "The file names no coordinate system and its coordinates are not degrees in Vietnam.",
        "Chọn hệ tọa độ, ví dụ EPSG:9209 (VN-2000, kinh tuyến trục 105°30′).",
        "Choose the coordinate system, for example EPSG:9209 (VN-2000, central meridian 105°30′)."),
    "CRS_UNUSABLE": MessageKind(
        "error", "{why_vi}", "{why_en}",
        "Chọn hệ tọa độ đúng của tệp.", "Choose the file's true coordinate system."),
    "SYSTEM_ERROR": MessageKind(
        "error", "Máy chủ không xử lý được tệp ({value}); không dòng nào được công bố.",
        "The server could not process the file ({value}); no row was published.",
        "Gửi lại tệp sau ít phút; nếu vẫn lỗi, đưa mã của lần gửi này cho người vận hành.",
        "Send the file again in some minutes; if it fails again, give this upload's id to the operator."),
    "OPTION_UNKNOWN": MessageKind(
        "error", "Một lựa chọn của lần gửi này không dùng được nữa sau khi phần mềm thay đổi: {why_vi}",
        "Something chosen for this upload is not known any more, as the software has changed: {why_en}",
        "Chọn lại rồi kiểm tra lại tệp, hoặc gửi lại tệp.", "Choose again and check the file again, or send it again."),
    "STORED_FILE_MISSING": MessageKind(
        "error", "Máy chủ không tìm thấy tệp này trong kho lưu tệp, hoặc tệp ở đó không còn nguyên vẹn; không dòng nào được công bố.",
        "The file is not in the server's storage, or not there as it was taken; no row was published.",
        "Gửi lại tệp; nếu vẫn lỗi, báo người vận hành: BANDOSO_STORAGE_URL phải giống nhau ở mọi tiến trình (API và worker).",
        "Send the file again; if it fails again, tell the operator: BANDOSO_STORAGE_URL must be the same for all processes (API and workers)."),
    "UPLOAD_CANCELLED": MessageKind(
        "info", "Lần gửi này đã được hủy; không có gì được công bố.", "This upload was cancelled; nothing was published.",
        "Nếu vẫn cần công bố, cho kiểm tra lại tệp này hoặc gửi tệp mới.",
        "Have this file checked again, or send another, where it is to be published after all."),
    "UPLOAD_EXPIRED": MessageKind(
        "warning", "Sau {value} ngày không ai công bố nên lần gửi này đã hết hạn; không có gì được công bố.",
        "Nobody published this upload within {value} days, so it has expired; nothing was published.",
        "Nếu vẫn cần công bố, cho kiểm tra lại tệp này; nếu đã quá hạn lưu tệp thì gửi lại tệp.",
        "Have this file checked again where it is to be published after all; send it anew if it is not kept any more."),
}  # fmt: skip


class _Facts(dict[str, Any]):
    """The values of a message: a missing or endless one must not keep a report from being written."""

    def __getitem__(self, key: str) -> str:
        value = self.get(key)
        if isinstance(value, list | tuple):
            value = ", ".join(map(str, value))
        elif isinstance(value, float) and value.is_integer():
            value = int(value)
        return _NOT_TOLD if value is None else str(value)[:_LONGEST_FACT]


def _facts(code: str, detail: Mapping[str, Any]) -> _Facts:
    if code != "UPLOAD_FORMAT":
        return _Facts(detail)
    what = str(detail.get("what"))
    how_vi, how_en = FORMAT_REMEDIES.get(what, EXPORT_ANEW)
    return _Facts({**detail, "what_vi": FORMAT_NAMES_VI.get(what, what), "how_vi": how_vi, "how_en": how_en})


def say(code: str, detail: Mapping[str, Any]) -> dict[str, Any]:
    """Write one message: code, level, both sentences and both remedies.

    Parameters
    ----------
    code : str
        One of `KINDS`.
    detail : mapping
        Values of the placeholders.
    """
    kind, facts = KINDS[code], _facts(code, detail)
    vi, en = kind.vi.format_map(facts), kind.en.format_map(facts)
    remedy = {"vi": kind.remedy_vi.format_map(facts), "en": kind.remedy_en.format_map(facts)}
    return {"code": code, "level": kind.level, "vi": vi, "en": en, "remedy": remedy}
