-- What templates need beside their texts.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE template_contents
    ADD COLUMN body_mjml text,                 -- the source, when the HTML is made of MJML
    ADD COLUMN inline_css boolean NOT NULL DEFAULT true,
    ADD COLUMN compiled_html text;             -- what is sent; NULL: body_html as it is
