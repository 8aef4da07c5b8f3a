"""Runs of the load test to completion, in the cluster or on this machine, with their reports and verdicts."""
