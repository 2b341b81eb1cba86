-- What all senders share of a provider: how often it may be called, and its rests.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE UNLOGGED TABLE provider_budgets (       -- begins anew after a crash
    channel text NOT NULL,
    provider text NOT NULL,
    next_at timestamptz NOT NULL DEFAULT '-infinity',  -- the first moment that no sender has reserved for a call
    rests_until timestamptz,                   -- as it asked
    PRIMARY KEY (channel, provider)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
