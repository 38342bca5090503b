-- Tasks of one priority take turns by their fairness keys: the pass is the turn of a task, before its id.
-- The key lies at the end of the index, so that one walk along it tells how far each key has come.

ALTER TABLE dispatches ADD COLUMN pass_number INTEGER NOT NULL DEFAULT 0;

ALTER TABLE dispatches ADD COLUMN fairness_key TEXT NOT NULL DEFAULT '';

DROP INDEX dispatches_by_queue;

CREATE INDEX dispatches_by_queue
    ON dispatches (queue_namespace_ref, queue_type, queue_name, priority, pass_number, task_id, fairness_key);
