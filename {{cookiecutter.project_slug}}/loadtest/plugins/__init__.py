"""What this project adds to Locust: one module for each addition. README.md describes them, `enabled_plugins` lists them.

Owned by the template: an update brings its changes.
"""
