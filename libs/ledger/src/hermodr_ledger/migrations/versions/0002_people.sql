-- Groups, members, updates; what preferences and quiet hours need.

SET LOCAL search_path = hermodr, pg_catalog;
