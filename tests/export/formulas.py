"""Architectures that no library at hand has, written down from their papers in NumPy."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Tensors = Mapping[str, NDArray[Any]]
Attention = Callable[[Array, Array, Array], Array]

_erf = np.vectorize(math.erf)


def gelu(x: Array) -> Array:
    return np.asarray(x * 0.5 * (1 + _erf(x / math.sqrt(2))))


def silu(x: Array) -> Array:
    return np.asarray(x / (1 + np.exp(-x)))


def linear(tensors: Tensors, x: Array, name: str) -> Array:
    product = x @ tensors[f"{name}.weight"].T.astype(np.float64)
    return np.asarray(product + tensors.get(f"{name}.bias", np.zeros(1)))


def norm(tensors: Tensors, x: Array, name: str, epsilon: float) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon)
    return np.asarray(scaled * tensors[f"{name}.weight"] + tensors[f"{name}.bias"])


def attend(q: Array, k: Array, v: Array, heads: int, bias: Array | float = 0.0) -> Array:
    """Attend within each head, [tokens, hidden]; `bias` is added to [heads, tokens, tokens]."""

    def split(x: Array) -> Array:
        return np.swapaxes(x.reshape(len(x), heads, -1), 0, 1)

    q, k, v = split(q), split(k), split(v)
    scores = np.exp(q @ k.swapaxes(1, 2) / math.sqrt(q.shape[-1]) + bias)
    mixed = scores / scores.sum(-1, keepdims=True) @ v
    return np.asarray(mixed.swapaxes(0, 1).reshape(mixed.shape[1], -1))


def rotate(x: Array, heads: int, base: float, slower: float = 1.0) -> Array:
    """Turn each pair of values (n, n + size / 2) of a head as complex numbers."""
    size = x.shape[1] // heads
    pairs = x.reshape(len(x), heads, 2, size // 2)
    angles = np.arange(len(x))[:, None] / base ** (np.arange(size // 2) / (size // 2)) / slower
    turned = (pairs[:, :, 0] + 1j * pairs[:, :, 1]) * np.exp(1j * angles)[:, None]
    return np.stack([turned.real, turned.imag], axis=2).reshape(x.shape)


def nomic(tensors: Tensors, config: Mapping[str, Any], ids: list[int]) -> Array:
    heads, base = config["n_head"], config["rotary_emb_base"]
    epsilon = config["layer_norm_epsilon"]
    x = tensors["embeddings.word_embeddings.weight"][ids].astype(np.float64)
    x = norm(tensors, x + tensors["embeddings.token_type_embeddings.weight"][0], "emb_ln", epsilon)
    for number in range(config["n_layer"]):
        name = f"encoder.layers.{number}"
        q, k, v = np.split(linear(tensors, x, f"{name}.attn.Wqkv"), 3, axis=1)
        mixed = attend(rotate(q, heads, base), rotate(k, heads, base), v, heads)
        x = norm(
            tensors, x + linear(tensors, mixed, f"{name}.attn.out_proj"), f"{name}.norm1", epsilon
        )
        gate = silu(linear(tensors, x, f"{name}.mlp.fc12"))
        inner = linear(tensors, x, f"{name}.mlp.fc11") * gate
        x = norm(tensors, x + linear(tensors, inner, f"{name}.mlp.fc2"), f"{name}.norm2", epsilon)
    return x


def gte(tensors: Tensors, config: Mapping[str, Any], ids: list[int]) -> Array:
    heads, base, epsilon = (
        config[name] for name in ("num_attention_heads", "rope_theta", "layer_norm_eps")
    )
    slower = 1.0
    if config.get("rope_scaling"):
        factor, size = config["rope_scaling"]["factor"], config["hidden_size"] // heads
        base, slower = base * factor, factor ** (2 / size)
    x = tensors["embeddings.word_embeddings.weight"][ids].astype(np.float64)
    x = norm(tensors, x, "embeddings.LayerNorm", epsilon)
    for number in range(config["num_hidden_layers"]):
        name = f"encoder.layer.{number}"
        q, k, v = np.split(linear(tensors, x, f"{name}.attention.qkv_proj"), 3, axis=1)
        q, k = rotate(q, heads, base, slower), rotate(k, heads, base, slower)
        mixed = linear(tensors, attend(q, k, v, heads), f"{name}.attention.o_proj")
        x = norm(tensors, x + mixed, f"{name}.attn_ln", epsilon)
        up, gate = np.split(linear(tensors, x, f"{name}.mlp.up_gate_proj"), 2, axis=1)
        inner = linear(tensors, gelu(gate) * up, f"{name}.mlp.down_proj")
        x = norm(tensors, x + inner, f"{name}.mlp_ln", epsilon)
    return x


def jina(tensors: Tensors, config: Mapping[str, Any], ids: list[int]) -> Array:
    heads, epsilon = config["num_attention_heads"], config["layer_norm_eps"]
    place = np.arange(len(ids))
    bias = -np.array(config["slopes"])[:, None, None] * np.abs(place[:, None] - place)
    x = tensors["embeddings.word_embeddings.weight"][ids].astype(np.float64)
    x = x + tensors["embeddings.token_type_embeddings.weight"][0]
    x = norm(tensors, x, "embeddings.LayerNorm", epsilon)
    for number in range(config["num_hidden_layers"]):
        name = f"encoder.layer.{number}"
        q, k, v = (
            linear(tensors, x, f"{name}.attention.self.{part}")
            for part in ("query", "key", "value")
        )
        mixed = linear(tensors, attend(q, k, v, heads, bias), f"{name}.attention.output.dense")
        x = norm(tensors, x + mixed, f"{name}.attention.output.LayerNorm", epsilon)
        gate, up = np.split(linear(tensors, x, f"{name}.mlp.gated_layers"), 2, axis=1)
        activated = gelu(gate) if config["feed_forward_type"] == "geglu" else np.maximum(gate, 0)
        inner = linear(tensors, activated * up, f"{name}.mlp.wo")
        x = norm(tensors, x + inner, f"{name}.mlp.layernorm", epsilon)
    return x
