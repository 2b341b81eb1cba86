-- The audit log is added to and never changed, not even by the owner of its table. Erasing a person is the exception:
-- a pseudonym takes the place of their user id.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE FUNCTION audit_log_is_kept() RETURNS trigger LANGUAGE plpgsql SET search_path = hermodr, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('hermodr.pseudonymising', true) = 'on' THEN
        IF (NEW.id, NEW.project_id, NEW.at, NEW.actor, NEW.action, NEW.detail)
                IS NOT DISTINCT FROM (OLD.id, OLD.project_id, OLD.at, OLD.actor, OLD.action, OLD.detail)
            AND (NEW.actor_id IS NOT DISTINCT FROM OLD.actor_id OR NEW.actor_id LIKE 'erased-%')
            AND (NEW.subject IS NOT DISTINCT FROM OLD.subject OR NEW.subject LIKE 'erased-%')
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit log is only added to' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER audit_log_kept BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION audit_log_is_kept();
CREATE TRIGGER audit_log_kept_whole BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_kept();

-- The setting is made in the body: only a superuser may attach one of our own to a function.
CREATE FUNCTION pseudonymise_audit_log(project uuid, user_id text, pseudonym text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_temp AS $$
BEGIN
    PERFORM set_config('hermodr.pseudonymising', 'on', true);
    UPDATE hermodr.audit_log a
    SET actor_id = CASE WHEN a.actor = 'user' AND a.actor_id = $2 THEN $3 ELSE a.actor_id END,
        subject = CASE WHEN a.subject = $2 THEN $3 ELSE a.subject END
    WHERE a.project_id = $1 AND ((a.actor = 'user' AND a.actor_id = $2) OR a.subject = $2);
    PERFORM set_config('hermodr.pseudonymising', 'off', true);
END $$;
REVOKE ALL ON FUNCTION pseudonymise_audit_log(uuid, text, text) FROM PUBLIC;
