"""Search an index from Python: `Index.open("s3://bucket/prefix").search("a quiet book")`."""

# ruff: noqa: E402  (our own handler is imported before anything can import another)
from querytower.own_rooms import prefer_own

prefer_own("handler")

from querytower.index import Index
from querytower.results import Document, Hit, Results

__all__ = ["Document", "Hit", "Index", "Results"]
