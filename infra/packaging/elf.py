"""Remove from a shared library what is never loaded: symbols and debug information."""

import struct
from dataclasses import astuple, dataclass, replace
from typing import Self

MAGIC = b"\x7fELF\x02\x01"  # 64 bits, little-endian: x86-64 and arm64
HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SEGMENT = struct.Struct("<IIQQQQQQ")
PT_LOAD = 1
# The largest page of Linux on either CPU. Some linkers align to more and fill up with zeros.
LARGEST_PAGE = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A program header, in the order of its fields: the file's part that is mapped at `address`.

    Numbers are bytes; `size` counts in the file, `memory` in memory.
    """

    kind: int
    flags: int
    offset: int
    address: int
    physical: int
    size: int
    memory: int
    align: int

    @classmethod
    def read(cls, data: bytes, position: int) -> Self:
        """Read the program header at `position` of a library."""
        values = SEGMENT.unpack_from(data, position)
        return cls(**dict(zip(cls.__slots__, values, strict=True)))

    @property
    def end(self) -> int:
        """Return where the segment ends in the file."""
        return self.offset + self.size

    @property
    def page(self) -> int:
        """Return the alignment that the loader needs, in bytes."""
        return min(max(self.align, 1), LARGEST_PAGE) if self.kind == PT_LOAD else self.align

    def moved_to(self, offset: int) -> bytes:
        """Return the program header of the same segment at another offset of the file."""
        return SEGMENT.pack(*astuple(replace(self, offset=offset, align=self.page)))


def compact(data: bytes) -> bytes:
    """Return a shared library reduced to its loaded segments, and any other file unchanged.

    The loader maps segments. They are kept, close together, each as far into its page as before,
    so memory holds the same bytes. The table of sections is dropped: only linkers and debuggers
    read it. (`strip` needs a build for the target's CPU, is not on every laptop, and misplaces
    segments of some libraries that auditwheel rewrote.)
    """
    if not data.startswith(MAGIC) or len(data) < HEADER.size:
        return data
    header = list(HEADER.unpack_from(data))
    table, count = header[5], header[10]
    segments = [Segment.read(data, table + SEGMENT.size * number) for number in range(count)]
    loads = [segment for segment in segments if segment.kind == PT_LOAD and segment.size]
    loads.sort(key=lambda segment: segment.offset)
    if not loads or loads[0].offset != 0 or loads[0].end < table + SEGMENT.size * count:
        return data  # the program headers lie outside the first segment and would not move with it
    places = _places(loads)
    output = bytearray(places[loads[-1]] + loads[-1].size)
    for load, place in places.items():
        output[place : place + load.size] = data[load.offset : load.end]
    for number, segment in enumerate(segments):
        at = table + SEGMENT.size * number
        output[at : at + SEGMENT.size] = segment.moved_to(_new_offset(segment, places))
    header[6] = header[11] = header[12] = header[13] = 0  # no sections
    output[: HEADER.size] = HEADER.pack(*header)
    return bytes(output) if len(output) < len(data) else data


def _places(loads: list[Segment]) -> dict[Segment, int]:
    """Return each segment's new offset: the next with the same position within a page."""
    places, end = {}, 0
    for load in loads:
        places[load] = end + (load.offset - end) % load.page
        end = places[load] + load.size
    return places


def _new_offset(segment: Segment, places: dict[Segment, int]) -> int:
    """Return the offset of a segment, which moves with the loaded one that contains it."""
    for load, place in places.items():
        if load.offset <= segment.offset and segment.end <= load.end:
            return place + segment.offset - load.offset
    return segment.offset
