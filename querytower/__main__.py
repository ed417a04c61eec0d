"""The command line, as `querytower` or `python -m querytower`."""

# ruff: noqa: E402  (our own packages are imported before anything can import others)
from querytower.own_rooms import prefer_own

prefer_own("export", "infra")

from infra.cli.main import main

if __name__ == "__main__":
    main()
