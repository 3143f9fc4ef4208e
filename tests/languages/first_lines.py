"""What `make messages` finds in the rules: beside marked texts the first line of each rule, which moderators read."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from typing import IO, Any

from babel.messages.extract import extract_python


def extract(file: IO[bytes], keywords: Any, comment_tags: Collection[str], options: Any) -> Iterator[Any]:
    """Babel's interface of an extractor: number of the line, function, text, comments."""
    for node in ast.parse(file.read()).body:
        words = ast.get_docstring(node) if isinstance(node, ast.FunctionDef) else None
        takes = [ast.unparse(one.annotation) for one in node.args.args if one.annotation] if words else []
        asks = isinstance(node, ast.FunctionDef) and node.returns and ast.unparse(node.returns) == "Reason | None"
        if words and asks and takes == ["Facts"]:
            yield node.lineno, "_", words.splitlines()[0], []
    file.seek(0)
    yield from extract_python(file, keywords, comment_tags, options)
