"""Lets the tests import Locust without its patches, which would turn their threads into greenlets."""

import os

os.environ["LOCUST_SKIP_MONKEY_PATCH"] = "1"
