"""What the sentence-transformers files say about a model: pooling, length, prompts, dense layers."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.json_files import read_json, read_object
from export.weights import Weights
from handler.errors import ModelError

POOLING = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
ACTIVATIONS = {"Identity": None, "Tanh": "Tanh", "ReLU": "Relu", "Sigmoid": "Sigmoid"}
# Their position table begins with rows for padding, up to and including the padding token's own.
OFFSET_POSITIONS = ("roberta", "xlm-roberta", "camembert", "mpnet")
_PROMPT_NAMES = {"query": ("query",), "document": ("document", "passage", "corpus")}


@dataclass(frozen=True, slots=True)
class Dense:
    """A fully connected layer after pooling: `weight` [out, in], `bias` [out], ONNX name of the activation."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    activation: str | None


@dataclass(frozen=True, slots=True)
class SentenceConfig:
    """How texts are prepared, and how token states become a sentence embedding.

    `transformer` is the folder of config.json, weights and tokenizer; `notes` tell what had to be assumed.
    """

    transformer: Path
    config: Mapping[str, Any]
    dimension: int
    max_tokens: int
    pooling: str
    lowercase: bool
    prompts: dict[str, str]
    dense: tuple[Dense, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def architecture(self) -> str:
        """The model_type of config.json."""
        return str(self.config.get("model_type", "unknown"))

    @classmethod
    def read(cls, folder: Path) -> "SentenceConfig":
        """Read the configuration of the model in `folder`.

        Raises:
            ModelError: a file is missing or broken, or asks for a module or a pooling that is not supported.
        """
        modules, notes = _modules(folder)
        transformer = folder / modules["Transformer"][0]
        config = read_object(transformer / "config.json")
        if not config:
            raise ModelError(f"{folder} holds no model: {transformer / 'config.json'} is missing")
        prompts = _prompts(read_object(folder / "config_sentence_transformers.json"))
        pooling = (
            _pooling(folder / modules["Pooling"][0], prompts) if "Pooling" in modules else "mean"
        )
        dense = tuple(_dense(folder / path) for path in modules.get("Dense", ()))
        settings = read_object(transformer / "sentence_bert_config.json")
        return cls(
            transformer=transformer,
            config=config,
            dimension=len(dense[-1].bias) if dense else _hidden_size(config, transformer),
            max_tokens=_max_tokens(
                settings, config, read_object(transformer / "tokenizer_config.json")
            ),
            pooling=pooling,
            lowercase=bool(settings.get("do_lower_case", False)),
            prompts=prompts,
            dense=dense,
            notes=tuple(notes),
        )


def position_offset(config: Mapping[str, Any]) -> int:
    """Row of the position table that belongs to the first token."""
    return (
        int(config.get("pad_token_id", 1)) + 1
        if config.get("model_type") in OFFSET_POSITIONS
        else 0
    )


def _modules(folder: Path) -> tuple[dict[str, list[str]], list[str]]:
    """Return the folders of each kind of module, and notes on what they leave open."""
    listed = read_json(folder / "modules.json")
    if listed is None:
        return {"Transformer": [""]}, ["no modules.json: mean pooling and L2 normalisation assumed"]
    try:
        kinds = [str(module["type"]).rpartition(".")[2] for module in listed]
        paths = [str(module["path"]) for module in listed]
    except (KeyError, TypeError) as cause:
        raise ModelError(
            f"{folder / 'modules.json'} is not a list of modules; fetch the model again"
        ) from cause
    modules: dict[str, list[str]] = {}
    for kind, path in zip(kinds, paths, strict=True):
        modules.setdefault(kind, []).append(path)
    _check_modules(kinds, folder)
    notes = (
        []
        if "Normalize" in kinds
        else ["the model does not normalise its embeddings; the bundle does"]
    )
    return modules, notes


def _check_modules(kinds: list[str], folder: Path) -> None:
    order = ("Transformer", "Pooling", "Dense", "Normalize")
    for kind in kinds:
        if kind not in order:
            raise ModelError(
                f"{folder / 'modules.json'} has a module {kind!r}, which cannot be exported; "
                f"choose a model that consists of {', '.join(order)}"
            )
    if (
        kinds[:2] != list(order[:2])
        or kinds != sorted(kinds, key=order.index)
        or kinds.count("Pooling") != 1
    ):
        raise ModelError(
            f"{folder / 'modules.json'} has the modules {', '.join(kinds)}; only Transformer, Pooling and then "
            "Dense layers and Normalize, in this order, can be exported"
        )


def _pooling(folder: Path, prompts: Mapping[str, str]) -> str:
    config = read_object(folder / "config.json")
    if not config:
        raise ModelError(
            f"{folder / 'config.json'} is missing, so the pooling is unknown; fetch the model again"
        )
    chosen = [key for key, on in config.items() if key.startswith("pooling_mode_") and on is True]
    named = config.get("pooling_mode")
    modes = [named] if isinstance(named, str) else [POOLING.get(key, key) for key in chosen]
    if len(modes) != 1 or modes[0] not in POOLING.values():
        raise ModelError(
            f"{folder / 'config.json'} asks for the pooling {' + '.join(modes) or 'none'}; "
            "only mean or cls, one of them, can be exported"
        )
    if modes == ["mean"] and config.get("include_prompt") is False and any(prompts.values()):
        raise ModelError(
            f"{folder / 'config.json'} leaves the prompt out of pooling, which cannot be exported"
        )
    return str(modes[0])


def _prompts(config: Mapping[str, Any]) -> dict[str, str]:
    known = config.get("prompts") or {}
    default = known.get(config.get("default_prompt_name"), "")
    return {
        kind: next((str(known[name]) for name in names if name in known), default)
        for kind, names in _PROMPT_NAMES.items()
    }


def _dense(folder: Path) -> Dense:
    config, weights = read_object(folder / "config.json"), Weights.open(folder)
    activation = str(
        config.get("activation_function", "torch.nn.modules.activation.Tanh")
    ).rpartition(".")[2]
    if activation not in ACTIVATIONS:
        raise ModelError(
            f"{folder} has the activation {activation!r}; only {', '.join(ACTIVATIONS)} can be exported"
        )
    weight = weights.get("linear.weight")
    bias = (
        weights.get("linear.bias")
        if config.get("bias", True)
        else np.zeros(len(weight), np.float32)
    )
    return Dense(weight, bias, ACTIVATIONS[activation])


def _hidden_size(config: Mapping[str, Any], folder: Path) -> int:
    for key in ("hidden_size", "dim"):  # DistilBERT calls it dim
        if key in config:
            return int(config[key])
    raise ModelError(
        f"{folder / 'config.json'} gives no hidden_size; it does not describe a text encoder"
    )


def _max_tokens(
    settings: Mapping[str, Any], config: Mapping[str, Any], tokenizer: Mapping[str, Any]
) -> int:
    """Length limit in tokens, special ones included, as sentence-transformers finds it."""
    positions = int(config.get("max_position_embeddings", 512)) - position_offset(config)
    wanted = settings.get("max_seq_length") or tokenizer.get("model_max_length") or positions
    return min(int(wanted), positions)
