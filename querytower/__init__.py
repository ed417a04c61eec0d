"""Search an index from Python: `Index.open("s3://bucket/prefix").search("a quiet book")`."""

# ruff: noqa: E402  (handler is imported from beside this package before anything else can be)
import sys
from importlib import import_module
from pathlib import Path

# In a clone, these are top-level packages beside this one. A handler.py of the user's
# own may come first on the path, for example because it lies in the current folder.
_HOME = Path(__file__).parents[1]
if not (_HOME / "querytower" / "handler").is_dir():
    sys.path.insert(0, str(_HOME))
    for _room in ("handler", "export", "infra"):
        import_module(_room)
    sys.path.remove(str(_HOME))

from querytower.index import Index
from querytower.results import Document, Hit, Results

__all__ = ["Document", "Hit", "Index", "Results"]
