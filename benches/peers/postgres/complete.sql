\set id :first + :n * :clients + :client_id
\set n :n + 1
SELECT complete_task(:run::text || '+' || :client_id::text || '+' || :n::text, :id, 1);
