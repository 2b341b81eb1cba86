-- Rows a duty of the scheduler fails at, so that the others go on (hermodr_ledger.setting_aside).

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE set_aside (
    duty text NOT NULL,
    subject text NOT NULL,                     -- a row's id, a week, the name of a step
    error text NOT NULL,                       -- the name of what was raised; never its words, which may hold data
    times int NOT NULL DEFAULT 1,
    since timestamptz NOT NULL DEFAULT now(),
    again_at timestamptz NOT NULL,             -- not tried before
    PRIMARY KEY (duty, subject)
);
