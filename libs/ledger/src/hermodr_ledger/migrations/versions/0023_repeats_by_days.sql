-- now() + interval '2 days' is a time of the session's clock: where that changes, a day later it is 23 or 25 hours further.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE OR REPLACE FUNCTION same_moment(kept numeric, given timestamptz, asked timestamptz) RETURNS boolean
    LANGUAGE sql STABLE AS $$
    SELECT least(abs(moved), abs(moved - extract(epoch FROM now() - asked)),
                 abs(moved_by_clock - extract(epoch FROM now()::timestamp - asked::timestamp))) <= 60
    FROM (SELECT extract(epoch FROM given) - kept AS moved,
                 extract(epoch FROM given::timestamp) - extract(epoch FROM to_timestamp(kept)::timestamp) AS moved_by_clock) m
    $$;
COMMENT ON FUNCTION same_moment IS
    'Whether a moment, once given in a transaction that began when asked (kept: its seconds since 1970), is given again: it '
    'stands still, or went on with the clock, in hours or in days of the session''s time zone, as now() + an interval does; '
    'a minute''s grace. Null if there is none.';
