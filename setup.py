"""How a wheel is laid out; everything else is in pyproject.toml.

In the repository and in the function's zip, `handler`, `export` and `infra` are top-level packages.
In a wheel, which is installed beside other people's packages, they are below `querytower`, and
their imports are rewritten to match. An editable install keeps the repository's layout.
"""

import re
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.egg_info import egg_info

NESTED = ("handler", "export", "infra")
# Every import of them has this form; tests/querytower/test_wheel.py builds and uses a wheel.
IMPORT = re.compile(rf"^( *from )(?=(?:{'|'.join(NESTED)})[. ])", re.MULTILINE)


class NestingBuild(build_py):
    """Copies the modules as usual, then moves the three programs below querytower."""

    def run(self) -> None:
        """Build the tree of the wheel."""
        if self.editable_mode:
            super().run()
            return
        root = Path(self.build_lib)
        shutil.rmtree(root, ignore_errors=True)  # of an earlier build
        super().run()
        for name in NESTED:
            shutil.move(root / name, root / "querytower" / name)
        for file in root.rglob("*.py"):
            text = file.read_text("utf-8")
            file.write_text(IMPORT.sub(r"\1querytower.", text), "utf-8")


class NamingEggInfo(egg_info):
    """Says that the distribution owns one top-level name."""

    def run(self) -> None:
        """Write the metadata."""
        super().run()
        (Path(self.egg_info) / "top_level.txt").write_text("querytower\n", "utf-8")


setup(cmdclass={"build_py": NestingBuild, "egg_info": NamingEggInfo})
