"""The encoding of text files, and text files as streams of characters."""

import codecs
import io
import re
from typing import IO

from handler.corpus.readers.source import Head, Source
from handler.errors import UnreadableFile

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Encodings that a detector can tell from the Western ones by their bytes alone.
FOREIGN = {
    *("cp1251", "koi8_r", "koi8_u", "iso8859_5", "cp1253", "iso8859_7", "cp1255", "iso8859_8"),
    *("cp1256", "iso8859_6", "cp932", "shift_jis", "shift_jis_2004", "euc_jp", "iso2022_jp"),
    *("gb18030", "gbk", "gb2312", "hz", "big5", "big5hkscs", "cp950", "euc_kr", "cp949", "johab"),
    *("cp874", "tis_620"),
}
UTF_8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
HIGH = re.compile(rb"[\x80-\xff]")
# What the letters of Central Europe look like inside a word when they are read as Western ones.
MISREAD = re.compile(r"[^\W\d_][¹³¿¯ªº¼¾£¥¡¢][^\W\d_]|[^\W\d_][¹³¿]\b")
NAMES = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16", "utf-16-le": "UTF-16"}
NAMES |= {"utf-16-be": "UTF-16", "cp1252": "windows-1252", "latin-1": "iso-8859-1"}


def encoding_of(source: Source) -> str:
    """Return the encoding of a text file: what the user says, its mark, or what its first bytes tell.

    Raises:
        UnreadableFile: the user names an encoding that does not exist.
    """
    given = source.options.encoding
    if given:
        try:
            return codecs.lookup(given).name
        except LookupError as cause:
            raise UnreadableFile(
                f"{given!r} is no encoding; give one such as --encoding windows-1252"
            ) from cause
    return detect(source.head)


def shown(encoding: str) -> str:
    """Return what people call an encoding."""
    return NAMES.get(encoding, encoding.replace("_", "-"))


def open_text(source: Source, encoding: str) -> IO[str]:
    """Open a source as text with its line ends; bytes that are no text come as surrogates."""
    return io.TextIOWrapper(source.open(), encoding=encoding, errors="surrogateescape", newline="")


def head_text(head: Head, encoding: str) -> str:
    """Return the first characters of a source; a character that is cut off at the end is left out."""
    return codecs.getincrementaldecoder(encoding)("replace").decode(head.data)


def detect(head: Head) -> str:
    """Return the encoding that the first bytes tell; UTF-8 if they are plain ASCII."""
    data = head.data
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return encoding
    if is_unmarked_utf_16(data):
        return "utf-16-be" if data[:1] == b"\0" else "utf-16-le"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data, final=head.whole)
    except UnicodeDecodeError:
        return _one_byte(data)
    return "utf-8"


def is_unmarked_utf_16(data: bytes) -> bool:
    """Tell whether the bytes are plain Latin letters in UTF-16 without a mark: every other one is zero."""
    even, odd = data[:40:2], data[1:40:2]
    return len(data) > 3 and (any(even) != any(odd))


def _one_byte(data: bytes) -> str:
    """Return an older encoding, or UTF-8 where that is what most letters beyond ASCII are in.

    Few such letters tell little: they are read as Western ones, of which windows-1252 has the most.
    """
    from charset_normalizer import from_bytes

    if 2 * len(UTF_8.findall(data)) > len(HIGH.findall(UTF_8.sub(b"", data))):
        return "utf-8"
    best = from_bytes(data, cp_exclusion=["utf_8", "utf_16", "utf_32"]).best()
    if best and best.encoding in FOREIGN:
        return str(best.encoding)
    try:
        western = data.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1250" if MISREAD.search(western) else "cp1252"
