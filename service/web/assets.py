"""Scripts and styles that Vite built: where they are and how they are sent."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from service.web.accept import accepted

DIST: Final = Path(__file__).parent / "dist"
MANIFEST: Final = "manifest.json"

_TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".md": "text/plain"}
_ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))
# Other sites load the widget, and sandboxed frames have an origin of their own.
_FOR_ALL_ORIGINS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}
FOR_EVER: Final = "public, max-age=31536000, immutable"
FOR_MINUTES: Final = "public, max-age=300"


@dataclass(frozen=True, slots=True)
class Entry:
    """What one page loads, as file names under ``assets/``.

    Attributes
    ----------
    script : str or None
        The module to run; None for an entry that is a style or picture only.
    styles : tuple of str
        In the order they apply.
    preloads : tuple of str
        Further modules the script needs, the map library included.
    """

    script: str | None
    styles: tuple[str, ...]
    preloads: tuple[str, ...]


class Assets:
    """The built files and their manifest.

    Parameters
    ----------
    folder : Path
        Vite's output folder. It may be missing: pages then say how to build it.
    """

    def __init__(self, folder: Path = DIST) -> None:
        self._folder = folder
        self._manifest: dict[str, dict[str, Any]] = {}
        self._read_at_ns = 0

    @property
    def is_built(self) -> bool:
        """Whether there is anything to load."""
        return bool(self._current())

    def entry(self, source: str) -> Entry:
        """Return what a page loads for a source file such as ``src/map.ts``; empty when nothing is built."""
        manifest = self._current()
        if source not in manifest:
            return Entry(None, (), ())
        keys = _reachable(manifest, source)
        styles = [name for key in reversed(keys) for name in manifest[key].get("css", ())]
        file = str(manifest[source]["file"])
        own_style = [file] if file.endswith(".css") else []
        preloads = [str(manifest[key]["file"]) for key in keys if key != source]
        return Entry(
            script=_base_name(file) if file.endswith(".js") else None,
            styles=tuple(dict.fromkeys(map(_base_name, [*styles, *own_style]))),
            preloads=tuple(map(_base_name, preloads)),
        )

    def name(self, source: str) -> str:
        """Return the built name of a source file, or an empty text when nothing is built."""
        return _base_name(str(self._current().get(source, {}).get("file", "")))

    def response(self, request: Request, name: str, cache_control: str) -> Response | None:
        """Answer with one built file, compressed where the client takes it.

        Parameters
        ----------
        request : Request
            Read for ``Accept-Encoding`` and ``If-None-Match``.
        name : str
            File name under ``assets/``.
        cache_control : str
            Value of the header.

        Returns
        -------
        Response or None
            None for anything that is not a built script, style, picture or text.
        """
        path = self._folder / "assets" / name
        media_type = _TYPES.get(path.suffix)
        if media_type is None or path.parent != self._folder / "assets" or not path.is_file():
            return None
        path, encoding = _smallest(path, request.headers.get("accept-encoding", ""))
        status = path.stat()
        etag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
        headers = {**_FOR_ALL_ORIGINS, **encoding, "Cache-Control": cache_control, "ETag": etag}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return FileResponse(path, media_type=media_type, headers=headers, stat_result=status)

    def _current(self) -> dict[str, dict[str, Any]]:
        path = self._folder / MANIFEST
        try:
            written_at_ns = path.stat().st_mtime_ns
            if written_at_ns != self._read_at_ns:
                self._manifest = json.loads(path.read_text(encoding="utf-8"))
                self._read_at_ns = written_at_ns
        except FileNotFoundError:
            self._manifest, self._read_at_ns = {}, 0
        return self._manifest


def _reachable(manifest: dict[str, dict[str, Any]], source: str) -> list[str]:
    found = [source]
    for key in found:
        chunk = manifest[key]
        following = [*chunk.get("imports", ()), *chunk.get("dynamicImports", ())]
        found.extend(name for name in dict.fromkeys(following) if name not in found)
    return found


def _smallest(path: Path, header: str) -> tuple[Path, dict[str, str]]:
    names = accepted(header)
    for name, suffix in _ENCODINGS:
        compressed = path.with_name(path.name + suffix)
        if name in names and compressed.is_file():
            return compressed, {"Content-Encoding": name}
    return path, {}


def _base_name(file: str) -> str:
    return file.removeprefix("assets/")
