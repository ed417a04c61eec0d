"""Fixtures that the tests of the command line and of deployment share."""

from tests.command_line import corpus, run
from tests.disks import disk
from tests.library import library
from tests.s3 import s3_server

__all__ = ["corpus", "disk", "library", "run", "s3_server"]
