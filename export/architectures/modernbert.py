"""ModernBERT: rotated queries and keys, gated networks, attention that is mostly local."""

from export.architectures.blocks import Shape, gated, read_heads, rotary_attend
from export.architectures.positions import Rotary, frequencies, window_bias
from export.config import Config
from export.graph import FUSED, Graph


def build(graph: Graph, config: Config, tokens: int) -> str:
    """Return the token states."""
    shape, every = _shape(config), config.whole("global_attn_every_n_layers", 3)
    rotary = {name: _rotary(graph, config, shape, name, tokens) for name in ("global", "local")}
    words = graph.load("embeddings.tok_embeddings.weight")
    states = graph.node("Gather", [words, "input_ids"], "embeddings")
    states = normed = graph.norm(states, "embeddings.norm", shape.hidden, shape.epsilon, False)
    window = window_bias(graph, config.whole("local_attention", 128, least=2) // 2)
    for number in range(shape.layers):
        name = f"layers.{number}"
        kind, bias = ("local", window) if number % every else ("global", "")
        packed = graph.product(normed, f"{name}.attn.Wqkv", shape.hidden, 3 * shape.hidden)
        attended = rotary_attend(graph, packed, f"{name}.attn", shape.heads, rotary[kind], bias)
        attended = graph.product(attended, f"{name}.attn.Wo", shape.hidden, shape.hidden)
        states, normed = _add_norm(graph, attended, states, f"{name}.mlp_norm", shape)
        weight = graph.weights.get(f"{name}.mlp.Wi.weight", 2 * shape.inner, shape.hidden)
        gate, up = weight[: shape.inner], weight[shape.inner :]
        inner = gated(graph, normed, f"{name}.mlp.Wi", shape.activation, gate, up)
        inner = graph.product(inner, f"{name}.mlp.Wo", shape.inner, shape.hidden)
        last = number + 1 == shape.layers
        after = "final_norm" if last else f"layers.{number + 1}.attn_norm"
        states, normed = _add_norm(graph, inner, states, after, shape)
    return normed


def _add_norm(graph: Graph, states: str, residual: str, norm: str, shape: Shape) -> tuple[str, str]:
    """Return the sum with the residual, as it is and normalised."""
    inputs = [states, residual, *graph.norm_weights(norm, shape.hidden, bias=False)]
    name = f"{norm}.norm"
    names = [name, "", "", f"{name}.sum"]
    graph.append("SkipLayerNormalization", inputs, names, domain=FUSED, epsilon=shape.epsilon)
    return f"{name}.sum", name


def _shape(config: Config) -> Shape:
    hidden = config.whole("hidden_size")
    return Shape(
        hidden=hidden,
        inner=config.whole("intermediate_size"),
        layers=config.whole("num_hidden_layers"),
        heads=read_heads(config, "num_attention_heads", hidden),
        epsilon=config.number("norm_eps", 1e-5),
        activation=config.text("hidden_activation", "gelu"),
    )


def _rotary(graph: Graph, config: Config, shape: Shape, kind: str, tokens: int) -> Rotary:
    """Return the rotations of the layers that see everything, or of those that see a window.

    Older configurations have a number for each kind, newer ones a table.
    """
    newer = {"global": "full_attention", "local": "sliding_attention"}[kind]
    table = Config(config.path, config.object("rope_parameters"))
    if table.values:
        base = Config(config.path, table.object(newer)).number("rope_theta")
    else:
        base = config.number(f"{kind}_rope_theta", {"global": 160_000, "local": 10_000}[kind])
    return Rotary(graph, kind, frequencies(shape.hidden // shape.heads, base), tokens)
