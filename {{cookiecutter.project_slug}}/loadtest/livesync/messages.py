"""What master and workers say to each other, over Locust's own connection."""

STAGE = "livesync_stage"
"""Master: stage the live tree with these `files` changed and those `removed`, and vote on this `revision`."""

VOTE = "livesync_vote"
"""Worker: I have staged `revision`, or the `reason` why I cannot."""

COMMIT = "livesync_commit"
"""Master: make the staged `revision` the live one."""

HAS = "livesync_has"
"""Worker: `revision` is live here. Said on joining, after each commit, and while the master is silent.

To a master that did not know the worker, also the `tree` where it is newer than the master's, with the revisions of its
`past`, and the `options` of the test that ran, or None.
"""

LIVE = "livesync_live"
"""Master, to a worker that has said what it has: the live `revision`, with its `tree` and `past` where the worker lacks it.

Also whether the worker is `known` here; one that is not joins once more.
"""
