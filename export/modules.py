"""The modules of a sentence-transformers model: what is computed from token states, step by step."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.config import Config
from export.json_files import read_json
from export.weights import Weights
from handler.errors import ModelError

# sentence-transformers concatenates the vectors of several poolings in this order.
POOLINGS = {
    "cls_token": "cls",
    "max_tokens": "max",
    "mean_tokens": "mean",
    "mean_sqrt_len_tokens": "mean_sqrt_len",
    "weightedmean_tokens": "weightedmean",
    "lasttoken": "lasttoken",
}
ACTIVATIONS = {
    "Identity": None,
    "Tanh": "Tanh",
    "ReLU": "Relu",
    "Sigmoid": "Sigmoid",
    "GELU": "Gelu",
}
STARTS = ("Transformer", "StaticEmbedding")


@dataclass(frozen=True, slots=True)
class Dense:
    """A fully connected layer: `weight` [out, in], `bias` [out], name of the activation if any."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    activation: str | None


@dataclass(frozen=True, slots=True)
class LayerNorm:
    """A layer normalisation: `weight` and `bias` [dimension]."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Normalize:
    """Scaling to length 1."""


@dataclass(frozen=True, slots=True)
class Truncate:
    """Leaving out all values but the first so many."""

    dimension: int


Step = Dense | LayerNorm | Normalize | Truncate


@dataclass(frozen=True, kw_only=True, slots=True)
class Modules:
    """The parts of a model: kind and folder of the first one, poolings, and the steps after them.

    `pools_prompt` says that the tokens of a prompt are pooled like those of the text.
    """

    first: str
    folder: Path
    poolings: tuple[str, ...] = ("mean",)
    pools_prompt: bool = True
    steps: tuple[Step, ...] = (Normalize(),)


def read_modules(folder: Path) -> Modules | None:
    """Read modules.json and what it names; return None if there is no such file.

    Raises:
        ModelError: a file is broken, or a module can't be converted.
    """
    listed = read_json(folder / "modules.json")
    if listed is None:
        return None
    kinds, folders = _listed(listed, folder)
    if not kinds or kinds[0] not in STARTS:
        raise _unsupported(folder, kinds)
    modules = Modules(first=kinds[0], folder=folders[0])
    rest = 1
    if kinds[0] == "Transformer":
        if kinds[1:2] != ["Pooling"]:
            raise _unsupported(folder, kinds)
        pooling, rest = Config.read(folders[1] / "config.json"), 2
        pools_prompt = pooling.flag("include_prompt", True)
        modules = replace(modules, poolings=read_poolings(pooling), pools_prompt=pools_prompt)
    steps: list[Step] = []
    for kind, place in zip(kinds[rest:], folders[rest:], strict=True):
        if kind not in _READERS:
            raise _unsupported(folder, kinds)
        step = _READERS[kind](place)
        steps += [step] if step else []
    return replace(modules, steps=tuple(steps))


def _listed(listed: Any, folder: Path) -> tuple[list[str], list[Path]]:
    try:
        kinds = [str(module["type"]).rpartition(".")[2] for module in listed]
        paths = [PurePosixPath(module["path"]) for module in listed]
    except (KeyError, TypeError) as cause:
        raise ModelError(
            f"{folder / 'modules.json'} is not a list of modules; fetch the model again"
        ) from cause
    for path in paths:
        if path.is_absolute() or ".." in path.parts:
            raise ModelError(
                f"{folder / 'modules.json'} names the folder {str(path)[:60]!r} outside the model; "
                "do not use this model"
            )
    return kinds, [folder / path for path in paths]


def _unsupported(folder: Path, kinds: list[str]) -> ModelError:
    return ModelError(
        f"{folder / 'modules.json'} lists {', '.join(kinds)[:100] or 'nothing'}; only a Transformer "
        f"with Pooling, or a StaticEmbedding, and then {', '.join(_READERS)} can be exported; "
        "choose another model, see: querytower export --list"
    )


def read_poolings(config: Config) -> tuple[str, ...]:
    """Read which poolings are joined, in the order of POOLINGS.

    Raises:
        ModelError: the file is missing, or asks for none, or for one that is unknown.
    """
    if not config.values:
        raise ModelError(f"{config.path} is missing or empty; fetch the model again")
    prefix = "pooling_mode_"
    chosen = [
        POOLINGS.get(key.removeprefix(prefix), key)
        for key, on in config.values.items()
        if key.startswith(prefix) and on is True
    ]
    named = config.values.get("pooling_mode")
    if isinstance(named, str | list):
        chosen = [named] if isinstance(named, str) else [str(name) for name in named]
    unknown = [name for name in chosen if name not in POOLINGS.values()]
    if unknown or not chosen:
        raise ModelError(
            f"{config.path} asks for the pooling {(unknown or ['none'])[0][:60]}; only "
            f"{', '.join(POOLINGS.values())} can be exported; choose another model"
        )
    return tuple(name for name in POOLINGS.values() if name in chosen)


def _dense(folder: Path) -> Dense:
    config, weights = Config.read(folder / "config.json"), Weights.open(folder)
    activation = config.text("activation_function", "torch.nn.modules.activation.Tanh")
    activation = activation.rpartition(".")[2]
    if activation not in ACTIVATIONS:
        raise config.wrong("activation_function", f"one of {', '.join(ACTIVATIONS)}")
    for name in ("module_input_name", "module_output_name"):
        if config.values.get(name, "sentence_embedding") not in ("sentence_embedding", None):
            raise config.wrong(name, '"sentence_embedding"')
    weight = weights.get("linear.weight")
    biased = config.flag("bias", True)
    bias = weights.get("linear.bias") if biased else np.zeros(len(weight), np.float32)
    return Dense(weight, bias, ACTIVATIONS[activation])


def _layer_norm(folder: Path) -> LayerNorm:
    weights = Weights.open(folder)
    return LayerNorm(weights.get("norm.weight"), weights.get("norm.bias"))


_READERS: Mapping[str, Any] = {
    "Dense": _dense,
    "LayerNorm": _layer_norm,
    "Normalize": lambda _folder: Normalize(),
    "Dropout": lambda _folder: None,  # for training alone
}
