"""What was built: how large each part is as installed and as packaged."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from infra.packaging.target import PackageTarget
from infra.packaging.unpack import Unpacked

MB = 1 << 20  # as Lambda counts
MAX_BYTES = 250 * MB  # Lambda's limit for an unzipped function


@dataclass(frozen=True, slots=True)
class Component:
    """Bytes of one part as installed (`before`) and as packaged (`after`)."""

    name: str
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A folder with all that the function needs; `notes` are for the person who deploys it."""

    target: PackageTarget
    folder: Path
    components: tuple[Component, ...]
    bytecode_bytes: int
    notes: tuple[str, ...]

    @property
    def before(self) -> int:
        """Bytes of all parts as installed."""
        return sum(component.before for component in self.components)

    @property
    def after(self) -> int:
        """Bytes of the folder, as Lambda counts them."""
        return sum(component.after for component in self.components)


def measure(folder: Path, wheels: Iterable[Unpacked]) -> tuple[Component, ...]:
    """Return the sizes of each wheel, of handler/ and of model/, the largest first."""
    before, owners = Counter[str](), dict[str, str]()
    for wheel in wheels:
        before[wheel.distribution] = wheel.before
        owners.update(dict.fromkeys(wheel.files, wheel.distribution))
    after = Counter[str]()
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        compiled = path.suffix == ".pyc"
        source = path.relative_to(folder).as_posix().removesuffix("c" if compiled else "")
        name = owners.get(source) or path.relative_to(folder).parts[0]
        after[name] += path.stat().st_size
        if name in ("handler", "model") and not compiled:
            before[name] += path.stat().st_size
    found = (Component(name, size, after[name]) for name, size in before.items())
    return tuple(sorted(found, key=lambda component: (-component.before, component.name)))
