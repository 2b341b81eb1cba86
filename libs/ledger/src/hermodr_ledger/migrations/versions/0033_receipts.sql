-- What providers report stands in the jobs' events ('reported'). A report that comes before its delivery is recorded as
-- sent is applied once it is.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE early_receipts (
    delivery_id uuid PRIMARY KEY,
    wake_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX early_receipts_wake ON early_receipts (wake_at);
