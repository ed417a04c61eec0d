"""New versions of an index: built, judged, published, compared, taken back."""
