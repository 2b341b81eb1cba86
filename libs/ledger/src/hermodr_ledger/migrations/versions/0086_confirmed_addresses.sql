-- A code that was right stays right for a while: whoever sends it twice is told the same twice.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE pending_addresses ADD COLUMN confirmed_at timestamptz;
COMMENT ON COLUMN pending_addresses.confirmed_at IS
    'When it became the recipient''s address: no longer pending, and kept for some minutes for a repeated code.';

-- As in 0074, but what was confirmed stays while it is the recipient's address.
CREATE OR REPLACE FUNCTION drop_pending_addresses() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM pending_addresses p WHERE p.recipient_id = NEW.id
        AND (NEW.user_id IS DISTINCT FROM OLD.user_id
             OR p.kind = 'email' AND NEW.email IS DISTINCT FROM OLD.email
                AND (p.confirmed_at IS NULL OR NEW.email IS DISTINCT FROM p.address)
             OR p.kind = 'phone' AND NEW.phone IS DISTINCT FROM OLD.phone
                AND (p.confirmed_at IS NULL OR NEW.phone IS DISTINCT FROM p.address));
    RETURN NULL;
END $$;
