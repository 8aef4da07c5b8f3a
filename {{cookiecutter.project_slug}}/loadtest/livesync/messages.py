"""The messages between master and workers, sent over Locust's own connection."""

STAGE = "livesync_stage"
"""Master: stage the live tree with these `files` changed, or removed if None, and vote on this `revision`."""

VOTE = "livesync_vote"
"""Worker: `revision` is staged, or the `reason` why it cannot be."""

CURRENT = "livesync_current"
"""Master, once all have voted, and in answer to a status: the live `revision`.

With its `tree` and `past`, where the worker has not staged it. Also whether the worker is `known` here; one that is not
joins once more.
"""

STATUS = "livesync_status"
"""Worker: its live `revision`. Sent on joining, after each commit, and while no heartbeat arrives.

To a master that did not know the worker, also the `tree` where it is newer than the master's, with the revisions of its
`past`, and the `options` of the test that ran, or None.
"""
