"""The search page's files: read, coloured, compressed and named by content, once per process."""

import colorsys
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from handler.html_answer import compress

WEB = Path(__file__).parent / "web"
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}

# The page's backgrounds, light and dark, which web/style.css has too.
LIGHT, DARK = "#fafbf9", "#0f1412"
# WCAG AA asks for 4.5; a tint behind the text takes some of the contrast.
CONTRAST = 6.0
STEPS = 50


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent, plain and gzipped."""

    body: bytes
    gzipped: bytes
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """The page's template, and its other files by name; `digest` changes with any of those."""

    template: str
    files: dict[str, Asset]
    digest: str
    accent: str

    @classmethod
    def read(cls, accent: str) -> Self:
        """Read the files; the style sheet gets `accent`, as #rrggbb, in two readable shades."""
        light, dark = readable(accent, LIGHT), readable(accent, DARK)
        colours = f":root{{--on-light:{light};--on-dark:{dark}}}\n"
        files = {}
        for path in sorted(WEB.iterdir()):
            if path.suffix in TYPES:
                body = (colours if path.suffix == ".css" else "").encode() + path.read_bytes()
                files[path.name] = Asset(body, compress(body, 9), TYPES[path.suffix])
        digest = hashlib.sha256(b"\0".join(asset.body for asset in files.values())).hexdigest()[:12]
        template = (WEB / "index.html").read_text("utf-8")
        return cls(template=template, files=files, digest=digest, accent=light)


def readable(colour: str, ground: str) -> str:
    """Return `colour`, darker or lighter, until text in it can be read on `ground`."""
    hue, lightness, saturation = colorsys.rgb_to_hls(
        *(channel / 255 for channel in _channels(colour))
    )
    end = 0.0 if _luminance(_channels(ground)) > 0.5 else 1.0
    for step in range(STEPS + 1):
        mixed = colorsys.hls_to_rgb(hue, lightness + (end - lightness) * step / STEPS, saturation)
        channels = tuple(round(255 * channel) for channel in mixed)
        if _contrast(channels, _channels(ground)) >= CONTRAST:
            break
    return "#" + bytes(channels).hex()


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))


def _luminance(channels: tuple[int, ...]) -> float:
    """Return WCAG's relative luminance, 0 to 1."""
    parts = [c / 255 for c in channels]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
