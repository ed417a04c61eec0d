"""Which names a corpus consists of; what the files hold is found out when they are read."""

import mimetypes
from pathlib import Path

from handler.errors import CorpusError

KINDS = (
    "JSON lines, JSON, CSV, Parquet, Excel, SQLite, Markdown, reStructuredText, AsciiDoc, HTML, PDF, "
    "Word, EPUB, notebooks or text, also compressed, or an archive or a folder of them"
)

# Never looked into: media, code and styles. Of other endings, the content decides.
FOREIGN = ("image/", "audio/", "video/", "font/", "text/css", "text/javascript", "text/x-")
PROSE = {"text/x-rst", "text/x-markdown"}
TYPES = mimetypes.MimeTypes(filenames=())


def corpus_files(path: Path) -> list[Path]:
    """Return the files that a corpus consists of, sorted: the file itself, or those of a folder.

    Raises:
        CorpusError: nothing is there, or nothing that can be a corpus.
    """
    if path.is_dir():
        inside = (p for p in path.rglob("*") if is_corpus_name(p.relative_to(path).as_posix()))
        files = sorted(p for p in inside if p.is_file() and _stays_inside(p, path))
    elif path.is_file():
        files = [path] if is_corpus_name(path.name) else []
    else:
        raise CorpusError(f"{path} does not exist; give a file or a folder: {KINDS}")
    if not files:
        raise CorpusError(f"{path} is or holds no file of a known kind; a corpus is {KINDS}")
    return files


def is_corpus_name(path: str) -> bool:
    """Tell whether a file with this path may hold documents: it is not hidden, no image, no code."""
    hidden = any(part.startswith(".") for part in path.split("/"))
    kind, _ = TYPES.guess_type(path.rpartition("/")[2])
    return not hidden and (kind in PROSE or not (kind or "").startswith(FOREIGN))


def _stays_inside(file: Path, folder: Path) -> bool:
    """Tell whether a file in a folder is no link that leads out of it."""
    return not file.is_symlink() or file.resolve().is_relative_to(folder.resolve())
