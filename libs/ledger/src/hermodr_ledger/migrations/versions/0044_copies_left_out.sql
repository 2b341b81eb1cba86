-- The mail's cc and bcc without those that were suppressed when it was decided; null: those of the job, as mostly.

ALTER TABLE hermodr.deliveries ADD COLUMN copies jsonb;
