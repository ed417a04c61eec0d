"""Model to ONNX bundle. Runs on a laptop or in CI, never inside the function."""

from typing import Literal

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
# Least share of its nearest texts that a text must have in common in int8 and fp32.
MIN_AGREEMENT = 0.8

Converter = Literal["auto", "direct", "optimum"]
WeightPrecision = Literal["int8", "fp32"]
# "given" is that of an ONNX file whose weights are not fp32.
Precision = Literal["int8", "fp32", "given"]
CpuTarget = Literal["portable", "x86-vnni", "arm64"]
