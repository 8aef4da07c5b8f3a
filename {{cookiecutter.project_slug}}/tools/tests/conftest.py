"""Lets the tests import the shapes, and with them Locust, without its patches of the standard library."""

import os

os.environ["LOCUST_SKIP_MONKEY_PATCH"] = "1"
