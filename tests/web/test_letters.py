"""Vietnamese letters on the map, drawn without a font server."""

from playwright.sync_api import Page

from tests.web.browsing import Open, await_map, needs_browser, view_at

pytestmark = needs_browser

NAMES = "Đà Nẵng, Thừa Thiên Huế, Nguyễn"
WITHOUT_MARKS = "Da Nang, Thua Thien Hue, Nguyen"
WRITE = """text => new Promise(done => {
    const map = window.shownMap;
    for (const { id } of map.getStyle().layers) map.removeLayer(id);
    if (!map.getSource('letters')) {
        const data = { type: 'Feature', properties: {}, geometry: { type: 'Point', coordinates: map.getCenter().toArray() } };
        map.addSource('letters', { type: 'geojson', data });
    }
    map.addLayer({ id: 'ground', type: 'background', paint: { 'background-color': '#fff' } });
    map.addLayer({
        id: 'letters', type: 'symbol', source: 'letters',
        layout: { 'text-field': text, 'text-size': 32, 'text-max-width': 60 }, paint: { 'text-color': '#f00' },
    });
    map.once('idle', () => {
        // The picture is there only while it is being drawn.
        map.once('render', () => {
            const [source, copy] = [map.getCanvas(), document.createElement('canvas')];
            [copy.width, copy.height] = [source.width, source.height];
            const context = copy.getContext('2d');
            context.drawImage(source, 0, 0);
            const { data, width } = context.getImageData(0, 0, copy.width, copy.height);
            const places = [];
            for (let at = 0; at < data.length; at += 4) {
                if (data[at] > 200 && data[at + 1] < 120) places.push([(at / 4) % width, Math.floor(at / 4 / width)]);
            }
            const rows = places.map(place => place[1]);
            done({ ink: places.length, top: Math.min(...rows), bottom: Math.max(...rows) });
        });
        map.triggerRepaint();
    });
})"""


def written(page: Page, text: str) -> dict[str, int]:
    """Write a text in red in the middle of an empty map; return how many points are red, and between which rows."""
    found: dict[str, int] = page.evaluate(WRITE, text)
    return found


def test_vietnamese_letters_are_drawn_with_their_marks_and_no_font_is_fetched(service: str, visit: Open) -> None:
    found = visit(f"{service}/{view_at(106.24, 20.35, 12)}")
    await_map(found.page)
    asked = len(found.asked)
    with_marks, plain, nothing = (written(found.page, text) for text in (NAMES, WITHOUT_MARKS, " "))
    assert nothing["ink"] == 0
    assert plain["ink"] > 500
    # Marks stand above capitals and below the line: more ink, and over more rows.
    assert with_marks["ink"] > plain["ink"] * 1.05
    assert with_marks["bottom"] - with_marks["top"] > plain["bottom"] - plain["top"]
    assert [address for address in found.asked[asked:] if "font" in address or address.endswith(".pbf")] == []
