-- What each sender knows of the limits of its providers.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE provider_limits (
    instance text NOT NULL,
    channel text NOT NULL,
    provider text NOT NULL,
    calls int NOT NULL,                        -- calls at once that it bears
    calls_configured int NOT NULL,
    rate double precision,                     -- calls a second that it bears; null: any number
    rests_until timestamptz,                   -- left alone until then, as it refused; in the past: asked again, by one call
    cause text,                                -- of the last refusal: connections, pace, access; null: nothing is limited
    code text,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (instance, channel, provider)
);
COMMENT ON TABLE provider_limits IS 'What each sender knows of the limits of its providers.';
