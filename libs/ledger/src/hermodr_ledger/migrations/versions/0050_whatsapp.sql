-- WhatsApp: whom a text may be written to freely, what of a template Meta approved, and whom a message went to.
SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE whatsapp_windows (
    phone text NOT NULL,
    provider text NOT NULL,
    opened_at timestamptz NOT NULL,
    PRIMARY KEY (phone, provider)
);
CREATE INDEX whatsapp_windows_opened ON whatsapp_windows (opened_at);
ALTER TABLE template_contents ADD COLUMN approved text;
