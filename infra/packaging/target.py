"""The target of a package: a Python that Lambda offers, on one of its two kinds of CPU."""

from dataclasses import dataclass

from handler.errors import QuerytowerError

MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
# Minor version of glibc 2 in each managed runtime. Python 3.11 runs on Amazon Linux 2, the others
# on Amazon Linux 2023.
RUNTIMES = {"3.11": 26, "3.12": 34, "3.13": 34, "3.14": 34}
NEWEST_GLIBC = max(RUNTIMES.values())


@dataclass(frozen=True, slots=True)
class PackageTarget:
    """The machine that runs the package, which need not be the one that builds it.

    Raises:
        QuerytowerError: Lambda has no such CPU, or no such Python that this project supports.
    """

    arch: str
    python: str

    def __post_init__(self) -> None:
        if self.arch not in MACHINES:
            raise QuerytowerError(
                f"Lambda has no architecture {self.arch!r}; choose one of: {', '.join(MACHINES)}"
            )
        if self.python not in RUNTIMES:
            raise QuerytowerError(
                f"a package for Python {self.python!r} can't be built; "
                f"choose one of: {', '.join(RUNTIMES)}"
            )

    def __str__(self) -> str:
        return f"{self.arch}-{self.python}"

    @property
    def machine(self) -> str:
        """Return Linux's name of the CPU."""
        return MACHINES[self.arch]

    @property
    def glibc(self) -> int:
        """Return the minor version of the managed runtime's glibc 2."""
        return RUNTIMES[self.python]

    @property
    def platforms(self) -> list[str]:
        """Return the platform tags of usable wheels, newest first; pip matches them exactly."""
        minors = range(NEWEST_GLIBC, 4, -1)
        tags = [f"manylinux_2_{minor}_{self.machine}" for minor in minors]
        return [*tags, f"manylinux2014_{self.machine}"]

    @property
    def markers(self) -> dict[str, str]:
        """Return the environment in which conditions of requirements are evaluated."""
        return {
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
        }
