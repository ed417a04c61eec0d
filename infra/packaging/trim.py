"""Files of the wheels that the function never loads.

The tests run the function and a reindex from the files that are left.
"""

from fnmatch import fnmatchcase

# tokenizers requires huggingface-hub to download models, and ONNX Runtime requires packages that
# only its tools import.
NEVER_IMPORTED = {
    **dict.fromkeys(
        "flatbuffers packaging protobuf".split(), "only the tools of onnxruntime import it"
    ),
    "huggingface-hub": "only downloads of tokenizers import it",
    **dict.fromkeys(
        "click filelock fsspec h11 hf-xet httpcore2 httpx2 idna truststore".split(),
        "only huggingface-hub imports it",
    ),
}

# OpenTelemetry finds its own parts by entry points; nothing else reads metadata.
KEPT = ("opentelemetry_api-*.dist-info/METADATA", "opentelemetry_api-*.dist-info/entry_points.txt")

# The first reason whose pattern matches counts; `*` matches slashes too.
NEVER_LOADED = {
    "metadata": ("*.dist-info/*",),
    "tests": (
        "*/tests/*",
        "*/testing/*",
        "*/conftest.py",
        "*/testclient.py",
        "*/testutils.py",
        "*/pytest_plugin.py",
        "*_tests.*.so",
    ),
    "type stubs": ("*.pyi", "*/py.typed", "*/mypy.py"),
    "for building extensions": (
        "*.a",
        "*.c",
        "*.h",
        "*.pxd",
        "*.pyx",
        "*/f2py/*",
        "*/_configtool.py",
    ),
    "documents": ("*.md", "*.1", "*.css", "*/LICENSE*", "*/ThirdPartyNotices.txt", "*/.agents/*"),
    "tools of onnxruntime": tuple(
        f"onnxruntime/{part}/*"
        for part in ("backend", "datasets", "quantization", "tools", "transformers")
    ),
    "the library for other languages": ("onnxruntime/capi/libonnxruntime.so*",),
    "models of pydantic 1, which fastapi does not need": ("pydantic/v1/*",),
    "parts of numpy": tuple(
        f"numpy/{part}"
        for part in (
            "_core/_simd.*",
            "distutils/*",
            "fft/*",
            "lib/recfunctions.*",
            "ma/mrecords.*",
            "polynomial/*",
            "random/*",
        )
    ),
    "for other frameworks": (
        *(
            "anyio/_backends/_trio.py",
            "obstore/auth/*",
            "obstore/fsspec.py",
            "tokenizers/tools/*",
            "tqdm/contrib/*",
        ),
        *(f"tqdm/{name}.py" for name in ("dask", "keras", "notebook", "rich", "tk")),
    ),
}


def why_dropped(distribution: str, path: str) -> str | None:
    """Return the reason to leave out a file of a wheel, or None.

    `path` is relative to the installed wheel, with forward slashes.
    """
    if distribution in NEVER_IMPORTED:
        return NEVER_IMPORTED[distribution]
    if any(fnmatchcase(path, pattern) for pattern in KEPT):
        return None
    for reason, patterns in NEVER_LOADED.items():
        if any(fnmatchcase(path, pattern) for pattern in patterns):
            return reason
    return None
