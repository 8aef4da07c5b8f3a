"""What master and workers say to each other, over Locust's own connection."""

STAGE = "livesync_stage"
"""Master: stage the live tree with these `files` changed and those `removed`, and vote on this `revision`."""

VOTE = "livesync_vote"
"""Worker: I have staged `revision`, or the `reason` why I cannot."""

COMMIT = "livesync_commit"
"""Master: make the staged `revision` the live one."""

HAS = "livesync_has"
"""Worker: `revision` is live here. Said on joining and after each commit."""

LIVE = "livesync_live"
"""Master, to a worker that has said what it has: the live `tree`, or None if it has that already."""
