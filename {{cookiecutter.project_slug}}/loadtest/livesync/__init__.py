"""Live sync: an edit of the locustfile goes live in the running master and workers.

What happens on a save, in order, a module a step:

1. `watch`: the master sees that its files changed and reads them; their content is the revision.
2. `stage`: the master runs the edited modules in fresh module objects; a file that cannot run is refused here.
3. `vote`: every worker is sent the changed files, stages them as well, and says whether it could.
4. `commit`: once all agree, each process makes its staged modules the current ones.
5. `users`: each running user takes the new code between two of its tasks.
6. `report`: one line in the log and, by `web`, the tab "Live sync" and `GET /livesync` say what is live where, or what
   was refused and why.

A worker that starts, or that missed a revision, gets the current one through `join`; `connection` and `resume` are for
a master that dies and comes back.
"""
