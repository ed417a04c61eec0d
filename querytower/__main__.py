"""The command line, as `querytower` or `python -m querytower`."""

from infra.cli.main import main

if __name__ == "__main__":
    main()
