"""`querytower export`: make a model bundle."""

from rich.console import Console

from export import DEFAULT_MODEL, MIN_AGREEMENT
from handler.errors import ModelError, install_command
from infra.cli import export_options as options
from infra.cli.export_view import export_bar, export_table


def export(
    to: options.Bundle,
    model: options.Model = DEFAULT_MODEL,
    converter: options.ConverterName = "auto",
    from_onnx: options.FromOnnx = "",
    precision: options.Precision = "int8",
    target: options.Target = "portable",
    min_agreement: options.MinAgreement = MIN_AGREEMENT,
    texts: options.Texts = None,
    scripts: options.Scripts = "",
    max_tokens: options.MaxTokens = None,
    dimension: options.Dimension = None,
    reranker: options.Reranker = "",
    query_prompt: options.QueryPrompt = None,
    document_prompt: options.DocumentPrompt = None,
    _list: options.ListEncoders = False,
) -> None:
    """Convert a sentence-transformers model to a bundle of ONNX encoder, tokenizer and manifest."""
    try:
        from export.pipeline import export_model
    except ImportError as cause:
        raise ModelError(
            f"exporting needs {cause.name}, which is not installed; install it with: "
            + install_command("export")
        ) from cause
    prompts = {"query": query_prompt, "document": document_prompt}
    console = Console(stderr=True)
    with export_bar(console) as progress:
        report = export_model(
            model,
            to,
            converter=converter,
            from_onnx=from_onnx,
            precision=precision,
            target=target,
            min_agreement=min_agreement,
            texts=texts,
            scripts=[name.strip().lower() for name in scripts.split(",") if name.strip()],
            max_tokens=max_tokens,
            dimension=dimension,
            reranker=reranker,
            prompts={kind: prompt for kind, prompt in prompts.items() if prompt is not None},
            progress=progress,
        )
    for note in report.notes:
        console.print(f"note: {note}")
    Console().print(export_table(report))
