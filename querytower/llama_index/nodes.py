"""Documents as LlamaIndex's nodes, and back."""

from llama_index.core.schema import (
    BaseNode,
    MetadataMode,
    NodeRelationship,
    RelatedNodeInfo,
    TextNode,
)

from querytower.results import Document

# The document that a node is part of.
SOURCE = "ref_doc_id"


def to_document(node: BaseNode) -> Document:
    """Return the document that keeps a node."""
    source = {SOURCE: node.ref_doc_id} if node.ref_doc_id else {}
    return Document(
        id=node.node_id,
        title="",
        text=node.get_content(metadata_mode=MetadataMode.NONE),
        url="",
        metadata={**node.metadata, **source},
    )


def to_node(document: Document, text: str) -> TextNode:
    """Return the node for a document, or for its passage `text`."""
    metadata = dict(document.metadata)
    source = metadata.pop(SOURCE, None)
    own = {name: value for name in ("title", "url") if (value := getattr(document, name))}
    node = TextNode(id_=document.id, text=text, metadata={**metadata, **own})
    if source is not None:
        node.relationships[NodeRelationship.SOURCE] = RelatedNodeInfo(node_id=str(source))
    return node
