"""Figures for the README: one command each, printed, never asserted. `python -m benchmarks --help`."""
