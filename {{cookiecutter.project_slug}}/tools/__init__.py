"""Commands of this project: `python3 -m tools` lists them. README.md says what is where.

Owned by the template: `cruft update` brings its changes.
"""
