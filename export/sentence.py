"""What the files of a model say about sentences: length, prompts, pooling, and what follows."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.architectures import ARCHITECTURES, absolute, architecture_of, static
from export.config import Config
from export.json_files import read_object
from export.modules import (
    Dense,
    LayerNorm,
    Modules,
    Normalize,
    Step,
    Truncate,
    read_modules,
)
from handler.errors import ModelError

# Attention costs the square of the length: unless it is asked for, no encoder reads more.
USUAL_TOKENS = 512
# Prompts are a sentence or two. Each query carries one.
MAX_PROMPT_CHARS = 2000
_PROMPT_NAMES = {"query": ("query",), "document": ("document", "passage", "corpus")}
_SETTINGS = ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta")


@dataclass(frozen=True, kw_only=True, slots=True)
class SentenceConfig:
    """How texts are prepared, and how token states become a sentence embedding.

    `transformer` is the folder of config.json, weights and tokenizer; `poolings` are joined;
    `notes` tell what had to be assumed.
    """

    transformer: Path
    config: Config
    dimension: int
    max_tokens: int
    poolings: tuple[str, ...]
    lowercase: bool
    prompts: dict[str, str]
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def architecture(self) -> str:
        """The model_type of config.json, or what is known better."""
        return architecture_of(self.config)

    @property
    def pooling(self) -> str:
        """Name of the pooling, or of several."""
        return "+".join(self.poolings)

    @classmethod
    def read(
        cls, folder: Path, max_tokens: int | None = None, dimension: int | None = None
    ) -> "SentenceConfig":
        """Read the configuration of the model in `folder`.

        Args:
            folder: with modules.json, or with the files of a transformer alone.
            max_tokens: longest text in tokens, instead of what the model's files or habit say.
            dimension: length to cut embeddings to, for models that are trained for that.

        Raises:
            ModelError: a file is missing or broken, or asks for what can't be exported.
        """
        modules, notes = read_modules(folder), []
        if modules is None:
            modules = Modules(first="Transformer", folder=folder)
            notes.append("no modules.json: mean pooling and L2 normalisation assumed")
        elif Normalize() not in modules.steps:
            notes.append("the model does not normalise its embeddings; the bundle does")
        transformer, config = _config(modules, folder)
        settings = _settings(transformer)
        tokens, note = _max_tokens(settings, config, max_tokens)
        prompts = _prompts(Config.read(folder / "config_sentence_transformers.json"))
        _check_prompts(folder, modules, prompts)
        full = _dimension(config, modules)
        steps = modules.steps
        if dimension is not None and dimension < full:
            steps = (*steps, Truncate(dimension))
        return cls(
            transformer=transformer,
            config=config,
            dimension=min(full, dimension or full),
            max_tokens=tokens,
            poolings=modules.poolings,
            lowercase=settings.flag("do_lower_case", False),
            prompts=prompts,
            steps=steps,
            notes=(*notes, *note),
        )


def _config(modules: Modules, folder: Path) -> tuple[Path, Config]:
    if modules.first == "StaticEmbedding":
        return modules.folder, static.read_config(modules.folder)
    config = Config.read(modules.folder / "config.json")
    if not config.values:
        raise ModelError(
            f"{folder} holds no model: {config.path} is missing; name the folder that has it"
        )
    if config.values.get("model_type") == static.MODEL_TYPE:
        return modules.folder, static.read_config(modules.folder)
    return modules.folder, config


def _settings(folder: Path) -> Config:
    """Read the file that sentence-transformers puts beside a transformer, under one of its names."""
    for kind in _SETTINGS:
        settings = Config.read(folder / f"sentence_{kind}_config.json")
        if settings.values:
            return settings
    return settings


def _max_tokens(
    settings: Config, config: Config, wanted: int | None
) -> tuple[int, tuple[str, ...]]:
    """Return the limit of a text in tokens, special ones included, and a note if it is ours."""
    row = ARCHITECTURES.get(architecture_of(config))
    positions = row.positions(config) if row else absolute(config)
    if positions < 3:
        raise ModelError(
            f"{config.path} leaves {positions} positions for tokens; correct it or fetch the model "
            "again"
        )
    stated = positions
    tokenizer = read_object(config.path.parent / "tokenizer_config.json").get("model_max_length")
    if settings.values.get("max_seq_length") is not None:
        stated = settings.whole("max_seq_length", least=3)
    elif isinstance(tokenizer, int) and tokenizer > 2:
        stated = tokenizer
    stated = min(stated, positions)
    if wanted is not None:
        return min(wanted, positions), ()
    if stated > USUAL_TOKENS:
        note = f"texts are cut after {USUAL_TOKENS} tokens; the model reads --max-tokens {stated}"
        return USUAL_TOKENS, (note,)
    return stated, ()


def _prompts(config: Config) -> dict[str, str]:
    known = config.object("prompts")
    for name, prompt in known.items():
        if not isinstance(prompt, str) or len(prompt) > MAX_PROMPT_CHARS:
            raise config.wrong(
                "prompts",
                f"an object of strings of at most {MAX_PROMPT_CHARS} characters, "
                f"which {name[:40]!r} is not",
            )
    default = config.values.get("default_prompt_name")
    if default is not None and not isinstance(default, str):
        raise config.wrong("default_prompt_name", "a string or null")
    fallback = known.get(default or "", "")
    return {
        kind: next((known[name] for name in names if name in known), fallback)
        for kind, names in _PROMPT_NAMES.items()
    }


def _check_prompts(folder: Path, modules: Modules, prompts: Mapping[str, str]) -> None:
    """Refuse models that leave the tokens of the prompt out of pooling."""
    asked = any(prompts.values()) and modules.poolings not in (("cls",), ("lasttoken",))
    if asked and not modules.pools_prompt:
        raise ModelError(
            f"{folder} leaves its prompts out of pooling, which cannot be exported; choose another "
            "model, see: querytower export --list"
        )


def _dimension(config: Config, modules: Modules) -> int:
    """Return the length of an embedding, and check that the steps fit each other."""
    row = ARCHITECTURES.get(architecture_of(config))
    names: tuple[Any, ...] = (row.hidden,) if row else ("hidden_size", "dim", "n_embd", "d_model")
    name = next((name for name in names if name in config.values), names[0])
    width = config.whole(name) * len(modules.poolings)
    for step in modules.steps:
        if isinstance(step, Dense):
            if step.weight.shape != (len(step.bias), width):
                raise _misfit(config, step.weight.shape, width)
            width = len(step.bias)
        elif isinstance(step, LayerNorm) and step.weight.shape != (width,):
            raise _misfit(config, step.weight.shape, width)
    return width


def _misfit(config: Config, shape: tuple[int, ...], width: int) -> ModelError:
    return ModelError(
        f"a module of {config.path.parent} has weights of the shape {shape} for vectors of {width} "
        "values; fetch the model again"
    )
