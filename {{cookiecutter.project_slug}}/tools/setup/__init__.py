"""What the machine and the cluster need. Standard library only, for Python 3.9: it runs outside the virtual environment."""
