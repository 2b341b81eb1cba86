-- Addresses that end users gave, until they are verified.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE pending_addresses (
    recipient_id uuid NOT NULL REFERENCES recipients ON DELETE CASCADE,
    kind text NOT NULL,              -- email, phone
    id uuid NOT NULL UNIQUE,         -- in the link; another one with each change
    address text NOT NULL,
    tried_codes smallint NOT NULL DEFAULT 0,
    requested_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (recipient_id, kind)
);
CREATE INDEX pending_addresses_expiry ON pending_addresses (expires_at);
COMMENT ON TABLE pending_addresses IS
    'An address that an end user gave: nothing but the request to confirm it is sent there, until it is verified.';
COMMENT ON COLUMN pending_addresses.tried_codes IS 'How often somebody tried a code for it, the right one included.';

-- What the application says later counts, and another user does not confirm what the one before gave. At every door.
CREATE FUNCTION drop_pending_addresses() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM pending_addresses p WHERE p.recipient_id = NEW.id
        AND (NEW.user_id IS DISTINCT FROM OLD.user_id
             OR p.kind = 'email' AND NEW.email IS DISTINCT FROM OLD.email
             OR p.kind = 'phone' AND NEW.phone IS DISTINCT FROM OLD.phone);
    RETURN NULL;
END $$;

CREATE TRIGGER recipients_addresses AFTER UPDATE ON recipients FOR EACH ROW
    WHEN ((NEW.user_id, NEW.email, NEW.phone) IS DISTINCT FROM (OLD.user_id, OLD.email, OLD.phone))
    EXECUTE FUNCTION drop_pending_addresses();

REVOKE ALL ON TABLE pending_addresses FROM PUBLIC;
REVOKE ALL ON FUNCTION drop_pending_addresses FROM PUBLIC;
