"""A short mark of the database's state, for what is kept by others under numbers that another database may give again.

Revisions are counted in each database anew, and from an earlier number on after a restore (docs/decisions/0030).
"""

MARK_DIGITS = 8

DATABASE_MARK = f"""
SELECT left(encode(sha256(convert_to(concat_ws(' ', system.system_identifier, here.oid, timeline.name), 'UTF8')), 'hex'),
    {MARK_DIGITS})
FROM pg_database here, pg_control_system() system, LATERAL (SELECT CASE
    WHEN pg_is_in_recovery() THEN (
        SELECT upper(lpad(to_hex(greatest(c.timeline_id, r.min_recovery_end_timeline)), 8, '0'))
        FROM pg_control_checkpoint() c, pg_control_recovery() r)
    ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END AS name) timeline
WHERE here.datname = current_database()"""  # noqa: S608  # a constant of ours alone
"""One value, hexadecimal: of the server's own number, the database's, and the line of its log.

The last changes whenever an earlier state goes on or a replica takes over. The control file tells it only after the next
checkpoint, the name of the log's present file at once; a replica has none, and shares the mark of its primary.
"""
