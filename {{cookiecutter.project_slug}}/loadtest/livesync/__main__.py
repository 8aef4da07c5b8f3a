"""`python -m livesync` is `locust` with live sync: the same arguments and environment, without `-f`.

It runs in the folder of the locustfile, with `--master` or `--worker`.
"""

from . import internals, restart

if __name__ == "__main__":
    if missing := internals.missing():
        restart.on_every_save(missing)
    from . import start  # it needs all of these names

    start.run()
