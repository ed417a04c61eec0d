"""Fixtures of the tests that use an index from Python."""

from tests.library import library

__all__ = ["library"]
