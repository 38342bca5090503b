-- The kind of an entity becomes a part of its key: a workflow and a standalone activity may have the same id.
-- Everything that was written before belongs to workflows (archetype 1).

CREATE TABLE current_runs_by_archetype (
    namespace_ref INTEGER NOT NULL,
    archetype INTEGER NOT NULL,
    workflow_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    PRIMARY KEY (namespace_ref, archetype, workflow_id)
) WITHOUT ROWID;

INSERT INTO current_runs_by_archetype (namespace_ref, archetype, workflow_id, run_id)
    SELECT namespace_ref, 1, workflow_id, run_id FROM current_runs;

DROP TABLE current_runs;

ALTER TABLE current_runs_by_archetype RENAME TO current_runs;

ALTER TABLE transfers ADD COLUMN archetype INTEGER NOT NULL DEFAULT 1;

ALTER TABLE dispatches ADD COLUMN archetype INTEGER NOT NULL DEFAULT 1;
