"""The relative positions of DeBERTa.

The score of a query token i and a key token j gets q_i · K(i - j) + k_j · Q(i - j), where K and Q
are projections of a table of relative positions. They don't depend on the text, so they are stored.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.architectures.blocks import MASK, Shape
from export.config import Config
from export.graph import Graph

Numbers = NDArray[np.int64]
# Rows of the distances 1 - tokens … tokens, or of tokens - 1 … -tokens.
ASCENDING, DESCENDING = "ascending", "descending"


@dataclass(frozen=True, kw_only=True, slots=True)
class RelativePositions:
    """The table of relative positions, [2 × span, hidden].

    `scores` holds "c2p", "p2c" or both. If `shared`, positions are projected as contents are.
    """

    graph: Graph
    shape: Shape
    table: NDArray[np.float32]
    scores: tuple[str, ...]
    shared: bool

    @classmethod
    def read(cls, graph: Graph, config: Config, shape: Shape, tokens: int) -> "RelativePositions":
        """Read the table, and add to the graph the rows that a text of its length needs."""
        buckets = config.whole("position_buckets", -1, least=-1)
        farthest = config.whole("max_relative_positions", -1, least=-1)
        if farthest < 1:
            farthest = config.whole("max_position_embeddings", 512)
        span = buckets if buckets > 0 else farthest
        table = graph.weights.get("encoder.rel_embeddings.weight", 2 * span, shape.hidden)
        if "layer_norm" in config.text("norm_rel_ebd", "none").lower():
            table = _normalise(graph, table, shape)
        distance = np.arange(1 - tokens, tokens + 1)
        if buckets > 0:
            distance = bucket(distance, buckets, farthest)
        _add_rows(graph, np.clip(distance + span, 0, 2 * span - 1), tokens)
        kinds = config.values.get("pos_att_type") or []
        return cls(
            graph=graph,
            shape=shape,
            table=table,
            scores=tuple(kind for kind in ("c2p", "p2c") if kind in kinds),
            shared=config.flag("share_att_key", False),
        )

    def attend(self, states: str, name: str) -> str:
        """Return what the tokens see of each other, [batch, tokens, hidden]."""
        graph, shape = self.graph, self.shape
        query, key, value = (
            self._project(states, f"{name}.self.{part}_proj") for part in ("query", "key", "value")
        )
        prefix = "" if self.shared else "pos_"
        bias = ""
        if "c2p" in self.scores:
            bias = self._score(query, f"{name}.self.{prefix}key_proj", DESCENDING)
        if "p2c" in self.scores:
            p2c = self._score(key, f"{name}.self.{prefix}query_proj", ASCENDING)
            p2c = graph.node("Transpose", [p2c], f"{name}.p2c", perm=[0, 1, 3, 2])
            bias = graph.node("Add", [bias, p2c], f"{name}.bias") if bias else p2c
        inputs = [query, key, value, "", MASK, bias]
        return graph.fused(
            "MultiHeadAttention", inputs, name, num_heads=shape.heads, scale=self._scale
        )

    @property
    def _scale(self) -> float:
        """Factor of all scores, which grow with the head's size and with what is added up."""
        return 1 / math.sqrt(self.shape.hidden // self.shape.heads * (1 + len(self.scores)))

    def _project(self, states: str, name: str) -> str:
        product = self.graph.product(states, name, self.shape.hidden, self.shape.hidden)
        return self.graph.add(product, f"{name}.bias", self.shape.hidden)

    def _score(self, states: str, name: str, order: str) -> str:
        """Score the states against the positions projected by `name`, both cut into heads.

        Return [batch, heads, tokens, tokens]: row i has the score of its distance to token j in
        column j, where the rows of the positions are in this order.
        """
        graph, hidden, heads = self.graph, self.shape.hidden, self.shape.heads
        weight = graph.weights.get(f"{name}.weight", hidden, hidden)
        projected = (self.table @ weight.T + self._bias(name)) * np.float32(self._scale)
        table = graph.constant(f"{name}.positions", projected)
        rows = graph.node("Gather", [table, order], f"{name}.rows")
        size = hidden // heads
        cut = graph.constant("heads.rows", np.array([-1, heads, size]))
        rows = graph.node("Reshape", [rows, cut], f"{name}.rows.cut")
        rows = graph.node("Transpose", [rows], f"{name}.rows.heads", perm=[1, 2, 0])
        cut = graph.constant("heads.states", np.array([0, 0, heads, size]))
        states = graph.node("Reshape", [states, cut], f"{name}.cut")
        states = graph.node("Transpose", [states], f"{name}.heads", perm=[0, 2, 1, 3])
        return self._skew(graph.node("MatMul", [states, rows], f"{name}.scores"), name)

    def _bias(self, name: str) -> NDArray[np.float32]:
        """Return the bias of a projection; older models have one without for some positions."""
        bias = f"{name}.bias"
        if bias in self.graph.weights:
            return self.graph.weights.get(bias, self.shape.hidden)
        return np.zeros(self.shape.hidden, np.float32)

    def _skew(self, scores: str, name: str) -> str:
        """Shift row i of [batch, heads, tokens, 2 × tokens] left by tokens - 1 - i, and cut it.

        Read with one column less, the rows shift by themselves.
        """
        graph = self.graph
        flat = graph.node("Reshape", [scores, "skew.flat"], f"{name}.flat")
        flat = graph.node("Slice", [flat, "skew.start", "skew.end", "two"], f"{name}.band")
        skewed = graph.node("Reshape", [flat, "skew.shape"], f"{name}.skewed")
        inputs = [skewed, "none", "count", "three"]
        return graph.node("Slice", inputs, f"{name}.square")


def bucket(distance: Numbers, buckets: int, farthest: int) -> Numbers:
    """Return distances as they are up to half of `buckets`, and on a logarithmic scale beyond."""
    middle = buckets // 2
    # In float32, as PyTorch has it: at some distances the last bit decides.
    away = np.maximum(np.abs(distance), middle).astype(np.float32)
    growth = np.log(away / np.float32(middle)) / np.log(np.float32((farthest - 1) / middle))
    far = np.ceil(growth * np.float32(middle - 1)).astype(np.int64) + middle
    return np.where(np.abs(distance) <= middle, distance, far * np.sign(distance))


def _normalise(graph: Graph, table: NDArray[np.float32], shape: Shape) -> NDArray[np.float32]:
    centred = table - table.mean(axis=1, keepdims=True)
    variance = (centred**2).mean(axis=1, keepdims=True)
    weight, bias = (
        graph.weights.get(f"encoder.LayerNorm.{part}", shape.hidden) for part in ("weight", "bias")
    )
    normed: NDArray[np.float32] = centred / np.sqrt(variance + np.float32(shape.epsilon))
    return normed * weight + bias


def _add_rows(graph: Graph, rows: Numbers, tokens: int) -> None:
    """Add the nodes that every layer reads: rows of the table, and the bounds of the skew.

    Of `rows`, those of the distances 1 - tokens … tokens, a text of n tokens needs 2 n.
    """
    for name, number in (("none", 0), ("one", 1), ("two", 2), ("three", 3), ("most", tokens)):
        graph.constant(name, np.array([number]))
    graph.node("Shape", ["input_ids"], "count", start=1, end=2)
    graph.node("Sub", ["most", "count"], "rows.start")
    graph.node("Add", ["most", "count"], "rows.end")
    backwards = np.append(rows[-2::-1], rows[0])  # the last one is never read
    for name, table in ((ASCENDING, rows), (DESCENDING, backwards)):
        graph.constant(f"{name}.table", table)
        graph.node("Slice", [f"{name}.table", "rows.start", "rows.end"], name)
    graph.node("Sub", ["count", "one"], "skew.start")
    graph.node("Add", ["count", "skew.start"], "skew.width")
    graph.node("Mul", ["count", "skew.width"], "skew.area")
    graph.node("Add", ["skew.start", "skew.area"], "skew.end")
    graph.constant("skew.flat", np.array([0, 0, -1]))
    graph.constant("same", np.array([0, 0]))
    graph.constant("rest", np.array([-1]))
    graph.node("Concat", ["same", "count", "rest"], "skew.shape", axis=0)
