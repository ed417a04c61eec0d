"""How tokens know how far apart they are: biases of the attention scores, and rotations."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from export.graph import Graph

FAR = np.array(-1e9, np.float32)  # added to a score, it leaves nothing of it


def distances(graph: Graph) -> str:
    """Return key position minus query position, int64 [tokens, tokens]."""
    zero, one = (graph.constant(name, np.array(n)) for name, n in (("zero", 0), ("one", 1)))
    shape = graph.node("Shape", ["input_ids"], "tokens.shape", start=1, end=2)
    count = graph.node("Squeeze", [shape], "tokens.count")
    place = graph.node("Range", [zero, count, one], "tokens.place")
    axis = graph.constant("column", np.array([1]))
    column = graph.node("Unsqueeze", [place, axis], "tokens.column")
    return graph.node("Sub", [place, column], "distances")


def distance_bias(
    graph: Graph, values: Callable[[NDArray[np.int64]], NDArray[np.float32]], tokens: int
) -> str:
    """Return a bias [1, heads, tokens, tokens] that depends on the distance alone.

    `values` maps the distances from 1 - tokens to tokens - 1 to their biases, [heads, distances].
    """
    table = values(np.arange(1 - tokens, tokens))
    offset = graph.constant("farthest", np.array(tokens - 1))
    place = graph.node("Add", [distances(graph), offset], "bias.place")
    rows = graph.node("Gather", [graph.constant("bias.table", table), place], "bias.heads", axis=1)
    return graph.node("Unsqueeze", [rows, graph.constant("batch", np.array([0]))], "bias")


def window_bias(graph: Graph, reach: int) -> str:
    """Return a bias [1, 1, tokens, tokens] that hides what is more than `reach` tokens away."""
    far = graph.node("Abs", [distances(graph)], "window.distance")
    hidden = graph.node("Greater", [far, graph.constant("reach", np.array(reach))], "window.hidden")
    inputs = [hidden, graph.constant("far", FAR), graph.constant("near", np.zeros((), np.float32))]
    bias = graph.node("Where", inputs, "window.bias")
    return graph.node("Unsqueeze", [bias, graph.constant("axes", np.array([0, 1]))], "window")


def alibi(heads: int) -> Callable[[NDArray[np.int64]], NDArray[np.float32]]:
    """Return the biases of ALiBi: each head falls off linearly, at a slope of its own."""
    slopes = np.array(_slopes(heads))[:, None]
    return lambda distance: (-slopes * np.abs(distance)).astype(np.float32)


def _slopes(heads: int) -> list[float]:
    """A geometric series; a number of heads between two powers of two takes every second one."""
    power = 2 ** (heads.bit_length() - 1)
    slopes = [2 ** (-8 * (n + 1) / power) for n in range(power)]
    return slopes if heads == power else slopes + _slopes(2 * power)[0::2][: heads - power]


class Rotary:
    """Rotates queries and keys by angles that grow with their position."""

    def __init__(
        self, graph: Graph, name: str, frequencies: NDArray[np.float64], tokens: int
    ) -> None:
        """Store the sines and cosines of `tokens` positions; one frequency per pair of values."""
        self._graph = graph
        angles = np.arange(tokens)[:, None] * frequencies
        self._tables = [
            graph.constant("first", np.array([0])),
            graph.constant(f"{name}.cos", np.cos(angles).astype(np.float32)),
            graph.constant(f"{name}.sin", np.sin(angles).astype(np.float32)),
        ]

    def rotate(self, states: str, name: str) -> str:
        """Rotate [batch, tokens, hidden], in which heads stand side by side."""
        return self._graph.fused("RotaryEmbedding", [states, *self._tables], f"{name}.rotated")


def frequencies(size: int, base: float) -> NDArray[np.float64]:
    """Return the angle per position of each of the size / 2 pairs of values of a head."""
    return np.asarray(base ** (-np.arange(0, size, 2) / size))
