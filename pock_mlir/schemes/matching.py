"""Patterns of parameter names: what to say of one that matches nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches


def no_match(pattern: str, names: Sequence[str]) -> str:
    """A message that gives the names nearest to a pattern that matches none of them."""
    plain = re.sub(r"\[[^]]*\]", "0", pattern).replace("*", "").replace("?", "")
    close = get_close_matches(plain, names, cutoff=0.3)
    nearest = f"; nearest: {', '.join(close)}" if close else ""
    return f"pattern '{pattern}' matches no parameter{nearest}"
