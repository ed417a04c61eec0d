"""The project's own packages, before others of the same name.

In a clone they are top-level packages beside this one, and a handler.py of the user's own may come
first on the path, for example because it lies in the current folder. In a wheel they are below
this package (setup.py).
"""

import sys
from importlib import import_module
from pathlib import Path

HOME = Path(__file__).parents[1]


def prefer_own(*names: str) -> None:
    """Import the packages `names` from beside this one, if that is where they are."""
    if (HOME / "querytower" / "handler").is_dir():
        return
    sys.path.insert(0, str(HOME))
    for name in names:
        import_module(name)
    sys.path.remove(str(HOME))
