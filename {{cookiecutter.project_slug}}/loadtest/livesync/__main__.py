"""`python -m livesync` is `locust` with live sync: the same arguments and environment, with `--master` or `--worker`.

It runs in the folder of the locustfile, which is the folder that it keeps in sync.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    # A json.py of the user's must not take the place of Python's.
    here = Path.cwd().resolve()
    sys.path[:] = [path for path in sys.path if path and Path(path).resolve() != here]

    from .errors import Misfit
    from .locust_import import import_locust

    try:
        import_locust()
        from . import startup  # it imports names of Locust's

        startup.run()
    except (ImportError, Misfit) as misfit:
        from . import restart_on_save

        restart_on_save.on_every_save(str(misfit))
