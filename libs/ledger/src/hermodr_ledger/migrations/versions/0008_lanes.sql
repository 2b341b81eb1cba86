-- What is due is asked for lane by lane, so that a lane with a backlog can be left alone without being read (ADR 0030).
DROP INDEX deliveries_wake;
CREATE INDEX deliveries_wake ON deliveries (channel, priority, wake_at) WHERE wake_at IS NOT NULL;
