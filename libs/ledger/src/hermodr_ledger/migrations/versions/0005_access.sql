-- Rate limits shared by all api processes.

SET LOCAL search_path = hermodr, pg_catalog;
