-- What a sender holds of a lane, so that replicas share it and the scheduler does not announce it again.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE lane_rates ADD COLUMN held int NOT NULL DEFAULT 0;  -- unclaimed deliveries whose messages it has
