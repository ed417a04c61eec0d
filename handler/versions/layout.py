"""Where the files of a stored index lie. No other module assembles these paths."""

INDEXES = "indexes"
"""Folder of a store that holds one folder for each index, with the index's name."""


class Layout:
    """Names inside the folder of one index."""

    POINTER = "current.json"
    RULES = "rules.json"
    LEASE = "lease.json"
    LAST_ATTEMPT = "verdict.json"
    ROLLED_BACK = "rolled-back.json"
    VERSIONS = "versions"
    FILES = "files"
    WORK = "work"
    GOLDEN = "golden"
