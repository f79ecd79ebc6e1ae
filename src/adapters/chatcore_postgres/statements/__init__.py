"""Every statement that the storage sends, as constants.

House rules, which a test enforces over all of them: `user_id` is in the `where` of everything that is read or
changed; values are bound by name; no `now()` in `returning` or `do update`, no volatile function, no trigger, no
NOTIFY, nothing that lives in a session. So they run through PgBouncer in transaction mode, and the way stays open to
tables that are distributed by user.
"""
