"""What runs on each machine of a Ray cluster: an encoder that makes parts of slices."""

from collections.abc import Mapping
from contextlib import ExitStack
from functools import cached_property
from typing import TypedDict

from handler.encoder import Encoder
from handler.errors import QuerytowerError
from handler.onnx_session import Device
from handler.reindex.parts import Workshop
from handler.staging import scratch_folder
from handler.storage.store import Store
from handler.versions.stored_folder import StoredFolder


class Made(TypedDict):
    """A slice, and why its part could not be made; empty if it was."""

    name: str
    problem: str


class RayWorker:
    """Makes the part of one slice after the other. Ray Data calls it in an actor of its own.

    What goes wrong is returned and not raised: Ray repeats what died, and the driver ends the run
    for any other reason, with the sentence of the worker.
    """

    def __init__(self, store: str, folder: str, device: Device) -> None:
        """Prepare; the model is fetched with the first slice.

        Args:
            store: URL of the store.
            folder: path in the store of the workshop, see handler/reindex/parts.py.
            device: what to encode with.
        """
        self._workshop = Workshop(StoredFolder(Store.open(store), folder))
        self._device: Device = device
        self._stack = ExitStack()
        self._scratch = self._stack.enter_context(scratch_folder())

    def __call__(self, row: Mapping[str, str]) -> Made:
        """Make the part of the slice that the row names."""
        name, problem = str(row["item"]), ""
        try:
            self._workshop.encode(name, self._encoder, self._scratch)
        except QuerytowerError as error:
            problem = f"{type(error).__name__}: {error}"
        return {"name": name, "problem": problem}

    @cached_property
    def _encoder(self) -> Encoder:
        folder = self._scratch / "model"
        self._workshop.borrow_model(folder)
        return Encoder.open(folder, 1, self._device)
