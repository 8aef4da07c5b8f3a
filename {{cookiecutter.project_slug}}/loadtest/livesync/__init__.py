"""Live sync: an edit of the locustfile goes live in the running master and workers.

What happens on a save, in order:

1. `watch`: the master sees that its files changed and reads them; their content is the revision (`files`).
2. `edit` compares the modules statement by statement (`source`) with what is loaded (`modules`, `calls`, `opened`).
3. `trial`: where anything has to run again, a forked child applies the edit first; whatever goes wrong is a rejection.
4. `master`, `worker`: every worker is sent the changed files, stages them as well, and votes.
5. `live`: once all agree, each process commits: it puts the files in place and lets `apply` exchange `functions`, bring
   edited class bodies onto the live `classes`, and run what else has to run; `load_test` tells Locust.
6. `users`: each running user takes the new code between two of its tasks; until its task ends it runs the old functions.
7. `report` and `web`: one line in the log, the tab "Live sync" and `GET /livesync`.

`start` runs Locust on the `locustfiles`; `connection` and `resume` are for a master that dies and comes back.
`patches` is the table of everything that is replaced in Locust, `internals` checks that it fits; `restart` is for a Locust that it does not fit.
"""
