-- A week lasts seven days of UTC, wherever the session that makes it believes to be. In a zone with summer time
-- `+ interval '7 days'` keeps the local hour: the weeks after the change began an hour off, and the next ones overlapped.

ALTER FUNCTION hermodr.ensure_partitions(timestamptz, timestamptz) SET timezone TO 'UTC';
ALTER FUNCTION hermodr.make_week(text, timestamptz) SET timezone TO 'UTC';
ALTER FUNCTION hermodr.drop_partitions(timestamptz) SET timezone TO 'UTC';
