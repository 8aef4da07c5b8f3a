"""Documents of the template, and what makes their picture."""

import tests  # noqa: F401 - it makes the packages of the generated project importable
