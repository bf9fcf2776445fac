\set n :n + 1
SELECT start_instance(:run::text || '-' || :client_id::text || '-' || :n::text, :run::text || '/' || :client_id::text || '/' || :n::text);
