"""A SentencePiece model file: its pieces and how it normalizes, read with protobuf alone."""

from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from handler.errors import ModelError

UNIGRAM, BPE = 1, 2
CONTROL, USER_DEFINED = 3, 4
# XLM-R's has 5 MB for 250,000 pieces.
MOST_BYTES = 64 << 20

_TYPE = descriptor_pb2.FieldDescriptorProto
# What is needed of sentencepiece_model.proto: name, number, type, default. Unknown fields are skipped.
_FIELDS: dict[str, tuple[tuple[str, int, int, str], ...]] = {
    "Piece": (
        ("piece", 1, _TYPE.TYPE_STRING, ""),
        ("score", 2, _TYPE.TYPE_FLOAT, "0"),
        ("type", 3, _TYPE.TYPE_INT32, "1"),
    ),
    "Trainer": (
        ("model_type", 3, _TYPE.TYPE_INT32, str(UNIGRAM)),
        ("byte_fallback", 35, _TYPE.TYPE_BOOL, "false"),
        ("unk_id", 40, _TYPE.TYPE_INT32, "0"),
    ),
    "Normalizer": (
        ("precompiled_charsmap", 2, _TYPE.TYPE_BYTES, ""),
        ("add_dummy_prefix", 3, _TYPE.TYPE_BOOL, "true"),
    ),
}
_PARTS = (
    ("pieces", 1, "Piece"),
    ("trainer_spec", 2, "Trainer"),
    ("normalizer_spec", 3, "Normalizer"),
)


def read_sentencepiece(path: Path) -> Any:
    """Return the message in `path`, with the fields above.

    Raises:
        ModelError: the file can't be read, is no SentencePiece model, or is neither unigram nor BPE.
    """
    if path.stat().st_size > MOST_BYTES:
        raise ModelError(f"{path} is larger than {MOST_BYTES >> 20} MB; fetch the model again")
    try:
        model = _message_type().FromString(path.read_bytes())
    except DecodeError as cause:
        raise ModelError(f"{path} is no SentencePiece model; fetch the model again") from cause
    if not 0 <= model.trainer_spec.unk_id < len(model.pieces):
        raise ModelError(f"{path} has no piece for what is unknown; fetch the model again")
    if model.trainer_spec.model_type not in (UNIGRAM, BPE):
        raise ModelError(
            f"{path} is a SentencePiece model of words or characters; "
            "only unigram and BPE can be converted: choose another model"
        )
    return model


def _message_type() -> Any:
    """Declare the messages, so that no generated code is needed."""
    file = descriptor_pb2.FileDescriptorProto(name="model.proto", package="querytower")
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for field, number, kind, default in fields:
            message.field.add(
                name=field,
                number=number,
                type=kind,
                label=_TYPE.LABEL_OPTIONAL,
                default_value=default,
            )
    model = file.message_type.add(name="Model")
    for field, number, part in _PARTS:
        label = _TYPE.LABEL_REPEATED if field == "pieces" else _TYPE.LABEL_OPTIONAL
        model.field.add(
            name=field,
            number=number,
            type=_TYPE.TYPE_MESSAGE,
            type_name=f".querytower.{part}",
            label=label,
        )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("querytower.Model"))
