"""Benchmarks: one question per file. Speeds are compared with a plain reference and a hardware limit in one run."""
