"""Rejects invalid answers, all of them at once, before a file is written."""

import json
import re
import sys

# As JSON on one raw line, so that no answer is run as code.
ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")

# The second line has words that YAML reads as a boolean or null instead of a name.
SLUG = (
    r"(?!(default|kube-.*|"
    r"y|n|yes|no|on|off|true|false|null)$)"
    r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?"
)
LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
URL = r"https?://" + LABEL + r"(\." + LABEL + r")*(:[0-9]{1,5})?(/[A-Za-z0-9_.~/-]*)?"

# answer, the pattern it must match as a whole, the rule in words with an example
RULES = [
    (
        "project_name",
        r"(?=.*[^ ]).{1,60}",
        "Use 1 to 60 printable characters on one line, such as Load Lab.",
    ),
    (
        "project_slug",
        SLUG,
        "Use 1 to 40 lower-case letters, digits and hyphens that start with a letter and "
        "end with a letter or digit, but neither default, nor a word of YAML such as on or null, "
        "nor a name that starts with kube-: it becomes a Kubernetes namespace. An example is load-lab.",
    ),
    (
        "description",
        r".{0,200}",
        "Use up to 200 printable characters on one line, such as Tests the search of our shop.",
    ),
    (
        "target_host",
        URL,
        "Use an http or https address of plain letters, digits, dots and hyphens, such as http://server:8000.",
    ),
    (
        "workers",
        r"[1-9]|[1-4][0-9]|50",
        "Use a whole number from 1 to 50, such as 2.",
    ),
]


def problems() -> list[str]:
    return [
        f"{key} is {ANSWERS[key]!r}. {rule}"
        for key, pattern, rule in RULES
        if not (isinstance(ANSWERS[key], str) and re.fullmatch(pattern, ANSWERS[key]) and ANSWERS[key].isprintable())
    ]


if found := problems():
    sys.exit("\n  - ".join(["Nothing was generated:", *found]))
