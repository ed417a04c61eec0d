"""Take out of a shared library what is never loaded: symbols and debug information."""

import struct
from dataclasses import dataclass

MAGIC = b"\x7fELF\x02\x01"  # 64 bits, little-endian: x86-64 and arm64
HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SEGMENT = struct.Struct("<IIQQQQQQ")
PT_LOAD = 1
LARGEST_PAGE = (
    1 << 16
)  # of a Linux on either CPU; some linkers align to more, and fill it with zeros


@dataclass(frozen=True, slots=True)
class Segment:
    """A program header: the part of the file that is mapped into memory at `address`."""

    kind: int
    flags: int
    offset: int
    address: int
    physical: int
    size: int
    memory: int
    align: int

    @property
    def end(self) -> int:
        """Where it ends in the file."""
        return self.offset + self.size

    @property
    def page(self) -> int:
        """The alignment that the loader needs."""
        return min(max(self.align, 1), LARGEST_PAGE) if self.kind == PT_LOAD else self.align

    def at(self, offset: int) -> bytes:
        """Render the program header, for a segment that was moved to `offset`."""
        return SEGMENT.pack(
            self.kind,
            self.flags,
            offset,
            self.address,
            self.physical,
            self.size,
            self.memory,
            self.page,
        )


def compact(data: bytes) -> bytes:
    """Return a library without what lies outside its loaded segments; anything that is no library unchanged.

    The loader maps segments, so only they are kept, close together, and each as far into its page as before: what
    ends up in memory is the same to the byte. The table of sections, which only linkers and debuggers read, goes too.
    (`strip` needs a build for the target's CPU, isn't on every laptop, and misplaces the segments of some libraries
    that auditwheel rewrote.)
    """
    if not data.startswith(MAGIC) or len(data) < HEADER.size:
        return data
    header = list(HEADER.unpack_from(data))
    table, count = header[5], header[10]
    segments = [Segment(*SEGMENT.unpack_from(data, table + SEGMENT.size * i)) for i in range(count)]
    loads = sorted((s for s in segments if s.kind == PT_LOAD and s.size), key=lambda s: s.offset)
    if not loads or loads[0].offset != 0 or loads[0].end < table + SEGMENT.size * count:
        return data  # the program headers are not where they could be moved with their segment
    places = _places(loads)
    output = bytearray(places[loads[-1]] + loads[-1].size)
    for load, place in places.items():
        output[place : place + load.size] = data[load.offset : load.end]
    for number, segment in enumerate(segments):
        moved = segment.at(_moved(segment, places))
        output[table + SEGMENT.size * number : table + SEGMENT.size * (number + 1)] = moved
    header[6] = header[11] = header[12] = header[13] = 0  # no sections
    output[: HEADER.size] = HEADER.pack(*header)
    return bytes(output) if len(output) < len(data) else data


def _places(loads: list[Segment]) -> dict[Segment, int]:
    """Return each segment's new offset: the next one that is equal to the old one within a page."""
    places, end = {}, 0
    for load in loads:
        places[load] = end + (load.offset - end) % load.page
        end = places[load] + load.size
    return places


def _moved(segment: Segment, places: dict[Segment, int]) -> int:
    """Return where a segment went: with the loaded one that contains it."""
    for load, place in places.items():
        if load.offset <= segment.offset and segment.end <= load.end:
            return place + segment.offset - load.offset
    return segment.offset
