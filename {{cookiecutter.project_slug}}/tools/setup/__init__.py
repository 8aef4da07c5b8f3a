"""Prepares and checks the machine and the cluster. Standard library of Python 3.9 only: it runs outside of the venv."""
