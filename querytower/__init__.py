"""Search an index from Python: `Index.open("s3://bucket/prefix").search("a quiet book")`."""

from querytower.index import Index
from querytower.results import Document, Hit, Results

__all__ = ["Document", "Hit", "Index", "Results"]
