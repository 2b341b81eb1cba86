-- What templates may say about their recipients.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE recipients
    ADD COLUMN relationship text,
    ADD COLUMN attributes jsonb NOT NULL DEFAULT '{}';

-- The recipient as its template reads it, when it was decided upon; NULL: the template does not read it, as most.
ALTER TABLE deliveries ADD COLUMN recipient jsonb;

-- Found again by the `catch_up` that follows: who reads the recipient, and what is supplied by now.
UPDATE template_contents SET required = NULL
WHERE concat_ws(' ', subject, body_text, body_html, compiled_html) ~ '\m(recipient|unsubscribe_url)\M';
