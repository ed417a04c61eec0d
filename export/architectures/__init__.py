"""The architectures that are converted directly: one module for each family, one row for each type.

To add one, write a module with a function `build` and add a row to ARCHITECTURES.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from export.architectures import (
    albert,
    bert,
    deberta,
    distilbert,
    gte,
    jina,
    modernbert,
    mpnet,
    nomic,
    static,
)
from export.config import Config
from export.graph import ACTIVATIONS, Graph


def absolute(config: Config) -> int:
    """Return the number of positions."""
    return config.whole("max_position_embeddings", 512)


def after_padding(config: Config) -> int:
    """Return the number of positions in a table that begins with rows for padding."""
    return absolute(config) - config.whole("pad_token_id", 1, least=0) - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Architecture:
    """How the models of one model_type are converted.

    Args:
        build: adds the nodes of an encoder that reads texts of up to so many tokens to the graph;
            returns the name of the token states, float32 [batch, tokens, hidden].
        prefix: begins the names of tensors in checkpoints of a model with a head on top.
        positions: reads from config.json how many tokens the model can tell apart.
        hidden: field of config.json with the length of a token state.
        requires: values that fields of config.json may have; the first is that of absent fields.
    """

    build: Callable[[Graph, Config, int], str]
    prefix: str = ""
    positions: Callable[[Config], int] = absolute
    hidden: str = "hidden_size"
    requires: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def hindrance(self, config: Config) -> str | None:
        """Return the field of config.json that stops the conversion, with its value."""
        for name, values in self.requires.items():
            value = config.values.get(name, values[0])
            if value not in values:
                return f"{name} {str(value)[:60]!r}"
        return None


_ENCODER = {"hidden_act": tuple(ACTIVATIONS), "is_decoder": (False,)}
_ABSOLUTE = {**_ENCODER, "position_embedding_type": ("absolute",)}
_ROBERTA = Architecture(
    build=bert.build_after_padding, prefix="roberta.", positions=after_padding, requires=_ABSOLUTE
)
_GTE = Architecture(
    build=gte.build,
    prefix="new.",
    requires={
        **_ENCODER,
        "position_embedding_type": ("rope",),
        "layer_norm_type": ("layer_norm",),
        "pack_qkv": (True,),
        "logn_attention_scale": (False,),
    },
)
ARCHITECTURES: dict[str, Architecture] = {
    "bert": Architecture(build=bert.build, prefix="bert.", requires=_ABSOLUTE),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "electra": Architecture(build=bert.build, prefix="electra.", requires=_ABSOLUTE),
    "albert": Architecture(
        build=albert.build,
        prefix="albert.",
        requires={**_ABSOLUTE, "hidden_act": tuple(ACTIVATIONS)},
    ),
    "distilbert": Architecture(
        build=distilbert.build,
        prefix="distilbert.",
        hidden="dim",
        requires={"activation": tuple(ACTIVATIONS)},
    ),
    "mpnet": Architecture(
        build=mpnet.build, prefix="mpnet.", positions=after_padding, requires=_ENCODER
    ),
    "modernbert": Architecture(
        build=modernbert.build,
        prefix="model.",
        requires={
            "hidden_activation": tuple(ACTIVATIONS),
            "attention_bias": (False,),
            "mlp_bias": (False,),
            "norm_bias": (False,),
        },
    ),
    "nomic_bert": Architecture(
        build=nomic.build,
        positions=nomic.positions,
        hidden="n_embd",
        requires={
            "activation_function": ("swiglu",),
            "prenorm": (False,),
            "rotary_emb_fraction": (1.0,),
            "rotary_emb_interleaved": (False,),
            "qkv_proj_bias": (False,),
            "mlp_fc1_bias": (False,),
            "mlp_fc2_bias": (False,),
            "num_experts": (0, None),
            "use_rms_norm": (False, None),
        },
    ),
    "jina_bert": Architecture(
        build=jina.build,
        prefix="bert.",
        requires={
            **_ENCODER,
            "position_embedding_type": ("alibi",),
            "feed_forward_type": tuple(jina.GATES),
        },
    ),
    "new": _GTE,
    "gte": _GTE,
    "deberta-v2": Architecture(
        build=deberta.build,
        prefix="deberta.",
        requires={
            "hidden_act": tuple(ACTIVATIONS),
            "relative_attention": (True,),
            "position_biased_input": (False,),
            "conv_kernel_size": (0, None),
        },
    ),
    "model2vec": Architecture(build=static.build, positions=static.positions),
}


def architecture_of(config: Config) -> str:
    """Return the architecture that config.json describes: its model_type, with one exception."""
    kind = config.text("model_type", "unknown")
    alibi = kind == "bert" and config.values.get("position_embedding_type") == "alibi"
    return "jina_bert" if alibi else kind
