"""MPNet: a BERT whose attention also depends on the distance between tokens, by buckets."""

import math

import numpy as np
from numpy.typing import NDArray

from export.architectures.blocks import LayerNames, Shape, embed, layer
from export.architectures.positions import distance_bias
from export.config import Config
from export.graph import Graph

FARTHEST = 128  # distances from here on share a bucket


def build(graph: Graph, config: Config, tokens: int) -> str:
    """Return the token states."""
    shape = Shape.read(config)
    first = config.whole("pad_token_id", 1, least=0) + 1
    buckets = config.whole("relative_attention_num_buckets", 32, least=4)
    weight = graph.weights.get("encoder.relative_attention_bias.weight", buckets, shape.heads)
    states = embed(graph, shape.hidden, shape.epsilon, first=first)
    bias = distance_bias(graph, lambda distance: weight[bucket(distance, buckets)].T, tokens)
    for number in range(shape.layers):
        states = layer(graph, states, _names(f"encoder.layer.{number}"), shape, bias)
    return states


def bucket(distance: NDArray[np.int64], buckets: int) -> NDArray[np.int64]:
    """Return the bucket of each distance, key position minus query position.

    Half of the buckets are for keys behind the query. Of each half, one half has a bucket for
    every distance, and in the other buckets grow with the logarithm of the distance.
    """
    side, exact = buckets // 2, buckets // 4
    away = np.abs(distance)
    # In float32, as PyTorch has it: at some distances the last bit decides.
    growth = np.log(np.maximum(away, 1).astype(np.float32) / np.float32(exact))
    far = exact + (growth / math.log(FARTHEST / exact) * (side - exact)).astype(np.int64)
    within = np.where(away < exact, away, np.minimum(far, side - 1))
    return np.asarray(within + side * (distance > 0))


def _names(name: str) -> LayerNames:
    return LayerNames(
        attention=f"{name}.attention",
        query=f"{name}.attention.attn.q",
        key=f"{name}.attention.attn.k",
        value=f"{name}.attention.attn.v",
        attended=f"{name}.attention.attn.o",
        attended_norm=f"{name}.attention.LayerNorm",
        inner=f"{name}.intermediate.dense",
        outer=f"{name}.output.dense",
        outer_norm=f"{name}.output.LayerNorm",
    )
