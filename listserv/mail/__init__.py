"""Bytes and what they mean: pure functions over messages, headers, addresses, text."""
