"""Live sync: an edit of the locustfile goes live in the running master and workers.

What happens on a save, in order:

1. `watch`: the master notices that files changed (`file_events`, `file_scan`) and reads them; their content is the revision
   (`files`).
2. `edit` compares the modules statement by statement (`source`, `syntax`, `code_objects`) with the loaded ones
   (`modules`, `registrations`, `call_recorder`, `file_access`).
3. `forked_trial`: if anything has to run again, a forked child applies the edit first; whatever fails is a rejection.
4. `master`, `worker`: the master sends the changed files to every worker, which stages them as well, and votes.
5. `live_code`: once all agree, each process commits: it puts the files in place, and `apply` carries out the edit as a
   `transaction`. Functions and classes are updated `update_in_place` (`functions`, `classes`); statements run again if they
   were edited or are `dependents` of what was. `locust_environment` updates Locust.
6. `users`: each user takes the new code between two of its tasks; a running task ends on the old functions.
7. `swarm_status` and `web`: one line in the log, the tab "Live sync" and `GET /livesync`.

`messages` and `locust_messages` check what arrives from other processes, and `proof` whether a worker has the key of the
deployment.

`startup` runs Locust on the locustfiles (`loader`); `master_connection` and `resume_after_restart` serve a master that restarts.
`patches` is the table of everything that is replaced in Locust, and `locust_internals` checks that it fits; `restart_on_save` is
for a Locust that it does not fit.

Owned by the template: an update brings its changes.
"""
