"""Commands of this project: `python3 -m tools` lists those for users. README.md says what is where.

Owned by the template: an update brings its changes.
"""
