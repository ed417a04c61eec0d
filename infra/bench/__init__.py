"""Measurements, printed as ratios against a baseline that runs beside them. Nothing here is a test."""
