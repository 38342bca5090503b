"""Patterns of operators in which `*` stands for any number of characters."""

import re


def matches(pattern: str, text: str) -> bool:
    """Whether a text as a whole is of the form of a pattern, whatever its case."""
    literals = (re.escape(literal) for literal in pattern.split("*"))
    return re.fullmatch(".*".join(literals), text, re.IGNORECASE) is not None
