"""`make pulse`: a pulse of load, and whether the autoscaler did what its own spec says."""
