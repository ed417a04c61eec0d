"""Command line, packaging, local emulation, deployment files, benchmarks and demo data."""
