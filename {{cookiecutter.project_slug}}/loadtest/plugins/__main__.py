"""`python -m plugins` is `locust` with the plugins: the same arguments, environment and exit codes.

Run it in the folder of the locustfile.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    # Python puts the current folder first, where a json.py of the user's would hide Python's own module.
    here = Path.cwd().resolve()
    sys.path[:] = [*(path for path in sys.path if Path(path).resolve() != here), str(here)]

    from livesync.locust_import import import_locust

    import_locust()

    from locust.main import main

    from . import enabled_plugins  # noqa: F401 - a plugin registers itself when it is imported

    main()
