-- People are found by the beginning of any word of their name, addresses and ids.

CREATE INDEX recipients_words ON recipients USING gin
    (to_tsvector('simple'::regconfig, translate(coalesce(name, '') || ' ' || coalesce(email, '') || ' ' || coalesce(phone, '') || ' ' || coalesce(external_id, '') || ' ' || coalesce(user_id, ''), '@._-+/:', '       ')));
