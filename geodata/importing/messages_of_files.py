"""Messages about a file as a whole: what its reader refuses (error) and what it could cope with (warning, info).

The code is the reader's own; the placeholders are the detail that it sends with it.
"""

from geodata.importing.message_kind import MessageKind, Sentences

_SAVE_ANEW = ("Mở lớp dữ liệu trong QGIS, lưu lại thành GeoPackage rồi gửi lại.", "Open the layer in QGIS, save it as GeoPackage and send that.")  # fmt: skip
_ZIP_AGAIN = ("Nén lại các tệp dữ liệu bằng zip thông thường rồi gửi.", "Zip the data files again with ordinary zip.")
_SPLIT = ("Chia nhỏ dữ liệu, ví dụ theo xã, rồi gửi từng phần.", "Split the data, by commune for instance, and send the parts.")  # fmt: skip

EXPORT_ANEW = Sentences(
    "Xuất thành Shapefile (.zip), GeoPackage, GeoJSON, KML, Excel hoặc CSV.",
    "Export it as Shapefile (.zip), GeoPackage, GeoJSON, KML, Excel or CSV.")  # fmt: skip
FORMAT_REMEDIES = {
    "DWG": Sentences(
        "Trong AutoCAD, lưu bản vẽ thành DXF (ASCII) rồi gửi.", "In AutoCAD, save the drawing as DXF (ASCII) and send that."),
    "binary DXF": Sentences(
        "Lưu bản vẽ thành DXF dạng ASCII rồi gửi.", "Save the drawing as DXF in its ASCII form and send that."),
    "xlsb": Sentences("Trong Excel, lưu lại dạng .xlsx rồi gửi.", "In Excel, save it as .xlsx and send that."),
    ".zip": Sentences(
        "Tệp không phải là tệp nén zip, hoặc đã bị chép thiếu: chép lại hoặc nén lại bằng zip rồi gửi.",
        "It is no zip archive, or the copy is incomplete: copy it or zip it again and send that."),
    "SQLite": Sentences(
        "Tệp là cơ sở dữ liệu SQLite nhưng không phải GeoPackage: mở trong QGIS, lưu thành GeoPackage rồi gửi.",
        "It is an SQLite database but no GeoPackage: open it in QGIS, save it as GeoPackage and send that."),
    "KML NetworkLink": Sentences(
        "Tệp KML chỉ chứa liên kết đến dữ liệu ở nơi khác: trong Google Earth, mở liên kết rồi lưu địa điểm thành KML mới.",
        "The KML only holds links to data elsewhere: open them in Google Earth and save the places as a new KML."),
    "archive": Sentences("Giải nén rồi nén lại thành .zip.", "Unpack it and zip it again as .zip."),
    "picture": Sentences(
        "Đây là ảnh, không phải dữ liệu bản đồ: gửi lớp dữ liệu đã số hóa.",
        "This is a picture, not map data: send the layer that was digitised."),
}  # fmt: skip
"""What to do with a format that is known and not read."""

FORMAT_NAMES_VI = {"archive": "tệp nén", "picture": "ảnh", "binary DXF": "DXF nhị phân"}
"""Kinds of files that have no name of their own."""

FILE_KINDS: dict[str, MessageKind] = {
    "UPLOAD_FORMAT": MessageKind(
        "error", "Không đọc được định dạng này ({what_vi}).", "This format is not read ({what}).", "{how_vi}", "{how_en}"),
    "FILE_EMPTY": MessageKind(
        "error", "Tệp rỗng (0 byte).", "The file is empty (0 bytes).",
        "Chép lại tệp gốc hoặc xuất lại lớp dữ liệu, rồi gửi tệp mới.", "Copy or export the data again and send the new file."),
    "FILE_TOO_LARGE": MessageKind(
        "error", "Tệp vượt mức {limit_mib} MiB.", "The file exceeds {limit_mib} MiB.",
        *_SPLIT),
    "READER_MEMORY": MessageKind(
        "error", "Tệp cần nhiều bộ nhớ hơn mức cho phép.", "The file needs more memory than allowed.",
        "Chia nhỏ tệp; với Excel, xóa các ô thừa nằm xa bảng (Ctrl+End).",
        "Split it; in Excel, delete stray cells far from the table (Ctrl+End)."),
    "READER_DIED": MessageKind(
        "error", "Tệp làm bộ đọc dừng đột ngột.", "The file stopped the reader.", *_SAVE_ANEW),
    "TIMEOUT": MessageKind(
        "error", "Đọc tệp quá {timeout_s} giây nên đã dừng.", "Reading took over {timeout_s} seconds and was stopped.",
        "Chia nhỏ tệp, hoặc lưu lại bằng QGIS.", "Split the file, or save it anew in QGIS."),
    "TOO_MANY_ROWS": MessageKind(
        "error", "Lớp dữ liệu có hơn {limit} dòng.", "The layer has more than {limit} rows.", *_SPLIT),
    "TOO_MANY_COLUMNS": MessageKind(
        "error", "Lớp dữ liệu có hơn {limit} cột.", "The layer has more than {limit} columns.",
        "Bỏ bớt các cột không dùng.", "Leave out the columns that are not needed."),
    "TOO_DEEP": MessageKind(
        "error", "{what} lồng nhau quá sâu.", "The {what} is nested too deeply.", *_SAVE_ANEW),
    "EMPTY_LAYER": MessageKind(
        "error", "Lớp dữ liệu không có dòng nào.", "The layer has no rows.",
        "Kiểm tra lại lớp đã xuất, hay bộ lọc khi xuất.", "Check the layer that was exported, or the export's filter."),
    "LAYER_CHOICE": MessageKind(
        "error", "Tệp có {count} lớp dữ liệu.", "The file has {count} layers.",
        "Chọn lớp cần gửi.", "Choose the layer to be sent."),
    "NO_LAYER": MessageKind(
        "error", "Không tìm thấy lớp dữ liệu nào trong tệp.", "No layer was found in the file.",
        "Gửi Shapefile, GeoPackage, GeoJSON, KML, GPX, Excel, CSV, DXF, MapInfo hoặc File Geodatabase.",
        "Send Shapefile, GeoPackage, GeoJSON, KML, GPX, Excel, CSV, DXF, MapInfo or File Geodatabase."),
    "LAYER_UNKNOWN": MessageKind(
        "error", "Tệp không có lớp “{name}” như đã chọn; các lớp trong tệp: {listed}.",
        "The file has no layer “{name}”, which was chosen; its layers: {listed}.",
        "Chọn một lớp có trong tệp.", "Choose one of the file's layers."),
    "ENCODING_UNKNOWN": MessageKind(
        "error", "Không có bảng mã “{name}”.", "No encoding is called “{name}”.",
        "Chọn một bảng mã trong danh sách, ví dụ UTF-8 hay cp1258.", "Choose one of the list, UTF-8 or cp1258 for instance."),
    "ENCODING_COLUMN": MessageKind(
        "warning", "Đã chọn bảng mã cho cột không có trong tệp: {listed}.",
        "An encoding was chosen for columns that the file does not have: {listed}.",
        "Xem lại tên cột.", "Look at the names of the columns."),
    "ENCODING_UNSURE": MessageKind(
        "warning", "Không chắc bảng mã của cột {listed}; tạm đọc theo {title}.",
        "The encoding of {listed} is not certain; {title} was used.",
        "Xem mẫu chữ và chọn bảng mã đúng.", "Look at the samples and choose the encoding."),
    "TEXT_DOUBLE_ENCODED": MessageKind(
        "warning", "Chữ trong cột {listed} đã bị chuyển mã hai lần (“Ä‘”, “á»‡”); đã khôi phục.",
        "The text of {listed} had been encoded twice (“Ä‘”, “á»‡”); it was restored.",
        "Xem lại mẫu chữ.", "Look at the samples."),
    "TEXT_OLD_FONT": MessageKind(
        "info", "Chữ trong cột {listed} gõ bằng phông chữ cũ ({title}); đã chuyển sang Unicode.",
        "The text of {listed} was typed with an old font ({title}); it was converted to Unicode.",
        "Xem lại mẫu chữ.", "Look at the samples."),
    "CPG_IGNORED": MessageKind(
        "info", "Tệp .cpg không ghi tên một bảng mã nên không được dùng.",
        "The .cpg file does not name an encoding and was ignored.",
        "Không phải làm gì nếu chữ đọc đúng.", "Nothing to be done where the text reads well."),
    "CPG_WRONG": MessageKind(
        "warning", "Tệp .cpg ghi {declared} nhưng chữ trong bảng không theo bảng mã đó.",
        "The .cpg says {declared} but the table's text is not written in it.",
        "Kiểm tra dấu tiếng Việt; nếu sai, chọn bảng mã đúng.", "Check the accents; choose the encoding where they are wrong."),
    "TEXT_CUT": MessageKind(
        "warning", "{count} giá trị bị cắt giữa một chữ vì cột quá hẹp; phần chữ hỏng đã bỏ.",
        "{count} values were cut inside a letter by a narrow column; the rest stays.",
        "Dùng GeoPackage, hoặc tăng độ rộng cột rồi xuất lại.", "Use GeoPackage, or widen the column and export again."),
    "TEXT_BROKEN": MessageKind(
        "warning", "{count} giá trị có ký tự không đọc được theo {codecs}.",
        "{count} values hold characters that {codecs} does not know.",
        "Chọn bảng mã khác, hoặc sửa các giá trị đó.", "Choose another encoding, or correct those values."),
    "COLUMN_RENAMED": MessageKind(
        "info", "Có nhiều cột tên “{name}”; một cột được đổi thành “{renamed}”.",
        "Several columns are called “{name}”; one became “{renamed}”.",
        "Đặt cho mỗi cột một tên riêng.", "Give each column a name of its own."),
    "Z_DROPPED": MessageKind(
        "info", "Hình học có độ cao (Z) hoặc giá trị đo (M); chỉ tọa độ phẳng được giữ lại.",
        "The geometries hold heights (Z) or measures (M); only the plane coordinates are kept.",
        "Không phải làm gì; độ cao không được lưu ở đây.", "Nothing to be done; heights are not kept here."),
    "CURVES_LINEARISED": MessageKind(
        "info", "Lớp “{layer}” có đường cong; đã đổi thành đoạn thẳng.",
        "The layer “{layer}” holds curves; they became straight segments.",
        "Không phải làm gì; kiểm tra hình trên bản đồ.", "Nothing to be done; look at the shapes on the map."),
    "MEMBER_IGNORED": MessageKind(
        "warning", "Không đọc được “{name}” trong các tệp được gửi nên đã bỏ qua.",
        "“{name}” among the files sent is not readable and was left out.",
        "Nếu đó là dữ liệu cần gửi, lưu lại bằng QGIS rồi gửi riêng.", "If it is data to be sent, save it anew in QGIS and send it alone."),
    "PRJ_UNREADABLE": MessageKind(
        "warning", "Tệp .prj không chứa hệ tọa độ.", "The .prj file holds no coordinate system.",
        "Chọn hệ tọa độ của tệp.", "Choose the file's coordinate system."),
    "DBF_MISSING": MessageKind(
        "warning", "Thiếu tệp .dbf nên các dòng không có thuộc tính.",
        "The .dbf file is missing, so the rows have no attributes.",
        "Nén chung .shp, .shx, .dbf, .prj rồi gửi lại.", "Zip .shp, .shx, .dbf and .prj together and send that."),
    "DBF_SHORT": MessageKind(
        "warning", "Bảng .dbf khai {declared} dòng nhưng chỉ có {present}; tệp có thể bị chép thiếu.",
        "The .dbf declares {declared} records but holds {present}; the copy may be incomplete.",
        "Chép lại tệp gốc, hoặc lưu lại bằng QGIS.", "Copy the original again, or save it anew in QGIS."),
    "DBF_BROKEN": MessageKind(
        "error", "Phần đầu của tệp .dbf bị hỏng.", "The .dbf file's header is damaged.", *_SAVE_ANEW),
    "DBF_DELETED": MessageKind(
        "info", "Bỏ qua {count} dòng đã đánh dấu xóa trong tệp .dbf.",
        "{count} records marked as deleted in the .dbf were left out.",
        "Không phải làm gì nếu các dòng đó đúng là đã xóa.", "Nothing to be done if they were meant to be deleted."),
    "DBF_FIELD_TYPE": MessageKind(
        "info", "Bỏ qua cột có kiểu không hỗ trợ: {columns}.", "Columns of unsupported types are left out: {columns}.",
        "Đổi các cột đó thành kiểu chữ nếu cần giữ.", "Turn those columns into text if they are needed."),
    "SHP_PARTS_MISSING": MessageKind(
        "error", "Thiếu tệp .shp; chỉ có {present}.", "The .shp is missing; there is only {present}.",
        "Nén chung .shp, .dbf, .shx, .prj rồi gửi lại.", "Zip .shp, .dbf, .shx, .prj together and send that."),
    "SHP_BROKEN": MessageKind(
        "error", "Tệp .shp bị hỏng hoặc chép thiếu (vị trí byte {offset}).",
        "The .shp is damaged or incomplete (byte offset {offset}).",
        "Chép lại tệp gốc, hoặc lưu lại bằng QGIS.", "Copy the original again, or save it anew in QGIS."),
    "SHP_DBF_COUNT": MessageKind(
        "warning", "Tệp .shp có {shapes} hình nhưng .dbf có {records} dòng; có thể không cùng một lớp.",
        "The .shp holds {shapes} shapes but the .dbf {records} records; do they belong together?",
        "Kiểm tra các phần có cùng một lần xuất hay không.", "Check that the parts come from one and the same export."),
    "GPKG_BROKEN": MessageKind(
        "error", "Cơ sở dữ liệu GeoPackage bị hỏng.", "The GeoPackage is damaged.", *_SAVE_ANEW),
    "GPKG_VIEW": MessageKind(
        "error", "GeoPackage chứa khung nhìn, trigger hoặc bảng ảo lạ.",
        "The GeoPackage holds views, unknown triggers or virtual tables.",
        "Xuất riêng lớp cần gửi thành một GeoPackage mới.", "Export the layer alone into a new GeoPackage."),
    "GEOJSON_SYNTAX": MessageKind(
        "error", "GeoJSON sai cú pháp ở dòng {line} (vị trí byte {offset}).",
        "The GeoJSON has a syntax error in line {line} (byte offset {offset}).",
        "Chép lại tệp gốc, hoặc xuất lại bằng QGIS.", "Copy the original again, or export it anew from QGIS."),
    "GEOJSON_ENCODING": MessageKind(
        "error", "GeoJSON không được ghi bằng UTF-8.", "The GeoJSON is not written in UTF-8.",
        "Xuất lại thành GeoJSON (UTF-8) hoặc GeoPackage.", "Export it again as GeoJSON (UTF-8) or GeoPackage."),
    "GEOJSON_TOO_LARGE": MessageKind(
        "error", "GeoJSON có quá nhiều nội dung ngoài các đối tượng.", "The GeoJSON has too much around its features.",
        "Xuất lại lớp dữ liệu thành GeoPackage.", "Export the layer again as GeoPackage."),
    "GEOJSON_CRS": MessageKind(
        "error", "Không dùng được hệ tọa độ (“crs”) ghi trong GeoJSON.", "The CRS (“crs”) of the GeoJSON cannot be used.",
        "Lưu lại bằng QGIS ở WGS 84.", "Save it in WGS 84 from QGIS."),
    "GEOJSON_CRS_LINK": MessageKind(
        "error", "GeoJSON ghi hệ tọa độ (“crs”) bằng một liên kết, không được tải.",
        "The GeoJSON gives its CRS (“crs”) as a link, which is not followed.",
        "Lưu lại bằng QGIS ở WGS 84.", "Save it in WGS 84 from QGIS."),
    "GEOJSON_DUPLICATE_KEY": MessageKind(
        "warning", "Có khóa lặp lại trong cùng một đối tượng JSON; giá trị cuối được dùng.",
        "Keys occur twice in one JSON object; the last value is used.",
        "Sửa chương trình ghi tệp để mỗi khóa chỉ có một lần.", "Have the program that writes the file give each key once."),
    "XML_SYNTAX": MessageKind(
        "error", "{what} sai cú pháp ở dòng {line}.", "The {what} has a syntax error in line {line}.",
        "Lưu lại bằng Google Earth hoặc QGIS.", "Save it anew in Google Earth or QGIS."),
    "XML_DOCTYPE": MessageKind(
        "error", "Tệp XML có khai báo DOCTYPE nên bị từ chối.", "The XML holds a DOCTYPE and is refused.",
        "Lưu lại KML, GPX bằng Google Earth hoặc QGIS, bảng tính bằng Excel hoặc LibreOffice.",
        "Save KML and GPX anew in Google Earth or QGIS, workbooks in Excel or LibreOffice."),
    "KML_LINK": MessageKind(
        "warning", "Liên kết mạng trong KML không được tải.", "Network links in the KML are not followed.",
        "Mở liên kết trong Google Earth rồi lưu dữ liệu thành KMZ.", "Open the link in Google Earth and save the data as KMZ."),
    "CSV_SYNTAX": MessageKind(
        "error", "Không đọc được bảng CSV.", "The CSV table cannot be read.",
        "Lưu lại bằng Excel dạng “CSV UTF-8”.", "Save it as “CSV UTF-8” in Excel."),
    "CSV_NO_HEADER": MessageKind(
        "error", "Dòng đầu của bảng không phải là tên cột.", "The table's first row does not name the columns.",
        "Thêm dòng tên cột ở đầu bảng.", "Put a row with the names of the columns first."),
    "CSV_LINE_TOO_LONG": MessageKind(
        "error", "Bảng CSV có dòng quá dài; có thể thiếu dấu nháy đóng.",
        "The CSV table has a line that is too long; a closing quote may be missing.",
        "Lưu lại bằng Excel dạng “CSV UTF-8”.", "Save it as “CSV UTF-8” in Excel."),
    "CSV_NO_GEOMETRY": MessageKind(
        "info", "Bảng không có cột tọa độ (kinh độ, vĩ độ; easting, northing; hoặc WKT): chỉ sửa được bản ghi đã có, vị trí giữ nguyên.",
        "The table has no coordinate columns (longitude, latitude; easting, northing; or WKT): it can only change records that are there already, which stay where they are.",
        "Thêm cột Kinh độ và Vĩ độ nếu cần thêm bản ghi mới.", "Add columns Longitude and Latitude to add new records."),
    "CODE_COLUMN": MessageKind(
        "error", "Không thấy cột mã đơn vị; tệp có các cột: {columns}.",
        "No column holds the unit code; the file has: {columns}.",
        "Chọn cột bằng --code-column.", "Choose one with --code-column."),
    "WORKBOOK_NO_TABLE": MessageKind(
        "error", "Không trang tính nào có bảng với một dòng tên cột.", "No worksheet holds a table with a row of column names.",
        "Ghi tên cột vào dòng đầu của bảng.", "Write the names of the columns above the table."),
    "WORKBOOKS_SEVERAL": MessageKind(
        "error", "Có nhiều bảng tính trong các tệp được gửi.", "There are several workbooks among the files sent.",
        "Gửi riêng từng bảng tính.", "Send each workbook by itself."),
    "WORKBOOK_PASSWORD": MessageKind(
        "error", "Bảng tính có mật khẩu.", "The workbook has a password.",
        "Bỏ mật khẩu (Tệp ▸ Thông tin ▸ Bảo vệ sổ làm việc) rồi gửi lại.",
        "Remove it (File ▸ Info ▸ Protect Workbook) and send it again."),
    "WORKBOOK_BROKEN": MessageKind(
        "error", "Bảng tính bị hỏng.", "The workbook is damaged.",
        "Mở bằng Excel hoặc LibreOffice, lưu lại dạng .xlsx rồi gửi lại.",
        "Open it in Excel or LibreOffice, save it as .xlsx and send that."),
    "SHEET_HIDDEN": MessageKind(
        "info", "Bỏ qua {count} trang tính ẩn hoặc trang biểu đồ.", "{count} hidden sheets or charts were left out.",
        "Bỏ ẩn trang tính nếu cần gửi.", "Unhide the sheets if they are to be sent."),
    "MAPINFO_PARTS": MessageKind(
        "error", "Thiếu tệp {missing} của bảng MapInfo; chỉ có {present}.",
        "The MapInfo table lacks {missing}; there is only {present}.",
        "Nén cùng nhau .tab, .dat, .map, .id (hoặc .mif, .mid).", "Zip .tab, .dat, .map, .id (or .mif, .mid) together."),
    "MAPINFO_INDIRECT": MessageKind(
        "error", "Tệp .tab này chỉ trỏ đến dữ liệu ở nơi khác.", "This .tab only points to data elsewhere.",
        "Trong MapInfo, lưu bảng thành bản sao (Save Copy As) rồi gửi.", "Save a copy of the table in MapInfo and send that."),
    "GDAL_BROKEN": MessageKind(
        "error", "Tệp bị hỏng hoặc thiếu phần.", "The file is damaged or incomplete.", *_SAVE_ANEW),
    "GDAL_UNSAFE": MessageKind(
        "error", "Máy chủ chưa đọc được định dạng này một cách an toàn.", "This server cannot read this format safely.",
        "Gửi dạng GeoPackage hoặc Shapefile.", "Send GeoPackage or Shapefile."),
    "ZIP_PATH": MessageKind(
        "error", "Tệp nén chứa tên tệp không an toàn: “{name}”.", "The archive holds an unsafe file name: “{name}”.",
        "Đặt cho tệp đó tên thường (chữ và số) rồi nén lại.", "Give that file a plain name (letters, digits) and zip it again."),
    "ZIP_SPECIAL": MessageKind(
        "error", "Có liên kết hoặc tệp đặc biệt: “{name}”.",
        "There is a link or special file: “{name}”.", *_ZIP_AGAIN),
    "ZIP_ENCRYPTED": MessageKind(
        "error", "Tệp nén có mật khẩu.", "The archive is encrypted.",
        "Nén lại không đặt mật khẩu.", "Zip it again without a password."),
    "ZIP_DUPLICATE": MessageKind(
        "error", "Có hai tệp cùng tên “{name}” (không phân biệt hoa thường).",
        "There are two files named “{name}” (letter case aside).",
        "Bỏ một tệp hoặc đổi tên rồi gửi lại.", "Leave one out or rename it, and send them again."),
    "ZIP_NESTED": MessageKind(
        "error", "Trong các tệp được gửi lại có tệp nén “{name}”.", "Among the files sent is another archive, “{name}”.",
        "Giải nén tệp bên trong rồi gửi riêng từng tệp.", "Unpack what is inside and send the files one by one."),
    "ZIP_METHOD": MessageKind(
        "error", "Tệp nén dùng cách nén không hỗ trợ.", "The archive uses an unsupported method.", *_ZIP_AGAIN),
    "ZIP_TOO_MANY_ENTRIES": MessageKind(
        "error", "Tệp nén chứa hơn {limit} tệp.", "The archive holds more than {limit} files.",
        "Chỉ nén các tệp dữ liệu cần gửi.", "Zip only the data to be sent."),
    "ZIP_BOMB": MessageKind(
        "error", "Tệp nén bung ra quá lớn so với kích thước của nó.", "The archive unpacks to far more than it should.",
        *_SPLIT),
    "ZIP_BROKEN": MessageKind(
        "error", "Tệp nén bị hỏng hoặc chép thiếu.", "The archive is damaged or incomplete.", *_ZIP_AGAIN),
}  # fmt: skip
