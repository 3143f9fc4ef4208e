"""Decide, purely: facts in, verdict out. No I/O, no clock, no database (held by import-linter)."""
