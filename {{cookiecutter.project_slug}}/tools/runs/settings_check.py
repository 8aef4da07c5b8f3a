"""`python -P settings_check.py --config FILE`, in the folder of the load test: Locust up to where it would start.

It accepts what a run can start with, and prints the run time and Locust's variables as JSON. Else the reason is on
stderr, and the exit code says what is invalid: 1 the locustfile, 2 an option, 3 slo.toml. It runs in a process of its own,
because Locust changes the process that imports it.
"""

import json
import os
import sys
from pathlib import Path

INVALID_OPTION, INVALID_LEVELS = 2, 3

if __name__ == "__main__":
    # Last, as where Locust runs: a json.py of the user's would hide Python's own module.
    sys.path.append(str(Path.cwd()))

    from livesync.locust_import import import_locust

    import_locust()

    from locust.argument_parser import get_locustfiles_locally, get_parser, parse_locustfile_option
    from locust.main import merge_locustfiles_content

    from plugins import enabled_plugins, option_values, shape_option  # noqa: F401 - the first one adds their options
    from plugins.verdict.service_levels import ServiceLevels

    try:
        ServiceLevels.read(Path("slo.toml"))
    except (ValueError, OSError) as error:
        print(f"slo.toml is invalid: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
        sys.exit(INVALID_LEVELS)
    user_classes, *_ = merge_locustfiles_content(get_locustfiles_locally(parse_locustfile_option()))
    if not user_classes:
        sys.exit("it has no user class that is not abstract")
    parser = get_parser()
    # `user = 3` is a mistake, and not short for users.
    parser.allow_abbrev = False
    options = vars(parser.parse_args())
    if message := option_values.problem(options) or shape_option.problem(options):
        parser.error(message)
    variables = [getattr(action, "env_var", None) for action in vars(parser)["_actions"]]
    print(json.dumps({"run_time": options["run_time"], "variables": variables}), flush=True)
    # Without what the user's code does at exit, because it may print, or wait for a thread.
    os._exit(0)
