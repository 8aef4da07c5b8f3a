"""JSON with comments, as editors read it."""

import json
import re
from typing import Any


def parse(text: str) -> Any:
    """The value in a text whose comments have lines of their own."""
    return json.loads(re.sub(r"(?m)^\s*//.*", "", text))
