-- Version 1. Statements end with a semicolon at the end of a line; everything runs in one transaction.
--
-- Instants are nanoseconds; 0 stands for never. Namespaces are named by a small integer in every other
-- table, which keeps their 36 characters out of each key.

CREATE TABLE metadata (
    name TEXT NOT NULL PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;

CREATE TABLE shards (
    shard_id INTEGER NOT NULL PRIMARY KEY,
    range_id INTEGER NOT NULL,
    owner TEXT NOT NULL
);

-- A row without a name is no namespace (any more), but its number is or was in use.
CREATE TABLE namespaces (
    namespace_ref INTEGER NOT NULL PRIMARY KEY,
    namespace_id TEXT NOT NULL UNIQUE,
    name TEXT UNIQUE,
    record BLOB
);

-- The record comes last: reading the columns before it does not touch its overflow pages.
-- branch_id says where the history lies. Each run has a branch of its own, with the number that the run had
-- when it began; a later table of ancestors lets a branch share the beginning of another.
CREATE TABLE executions (
    execution_id INTEGER NOT NULL PRIMARY KEY,
    namespace_ref INTEGER NOT NULL,
    shard_id INTEGER NOT NULL,
    archetype INTEGER NOT NULL,
    is_open INTEGER NOT NULL,
    version INTEGER NOT NULL,
    wake_at INTEGER NOT NULL,
    branch_id INTEGER NOT NULL,
    workflow_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    record BLOB NOT NULL
);

-- Run ids are drawn at random by the service, so they alone find the row; a commit checks the rest of the key.
CREATE INDEX executions_by_run ON executions (run_id);

CREATE INDEX executions_by_wake_up ON executions (shard_id, wake_at) WHERE wake_at > 0;

CREATE TABLE current_runs (
    namespace_ref INTEGER NOT NULL,
    workflow_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    PRIMARY KEY (namespace_ref, workflow_id)
) WITHOUT ROWID;

CREATE TABLE sub_records (
    execution_id INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    record_id TEXT NOT NULL,
    blob BLOB NOT NULL,
    PRIMARY KEY (execution_id, kind, record_id)
) WITHOUT ROWID;

-- batch_key = branch_id * 2^24 + first_event_id: one tree instead of a table and its index, and a whole page
-- for the blob (a table WITHOUT ROWID moves blobs from a quarter of a page on to pages of their own).
CREATE TABLE history_batches (
    batch_key INTEGER NOT NULL PRIMARY KEY,
    next_event_id INTEGER NOT NULL,
    blob BLOB NOT NULL
);

-- Branches of deleted runs whose batches are still being removed, slice by slice.
CREATE TABLE dead_branches (
    branch_id INTEGER NOT NULL PRIMARY KEY
);

CREATE TABLE transfers (
    shard_id INTEGER NOT NULL,
    task_id INTEGER NOT NULL,
    namespace_ref INTEGER NOT NULL,
    workflow_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    blob BLOB NOT NULL,
    PRIMARY KEY (shard_id, task_id)
) WITHOUT ROWID;

-- Task ids are unique over all shards, so rows are appended, and removed without knowing their priority.
CREATE TABLE dispatches (
    task_id INTEGER NOT NULL PRIMARY KEY,
    queue_namespace_ref INTEGER NOT NULL,
    queue_type INTEGER NOT NULL,
    queue_name TEXT NOT NULL,
    priority INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    namespace_ref INTEGER NOT NULL,
    workflow_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    blob BLOB NOT NULL
);

-- Every index ends with the row's number anyway, but only a named column bounds a search.
CREATE INDEX dispatches_by_queue
    ON dispatches (queue_namespace_ref, queue_type, queue_name, priority, task_id);

-- close_order is the close time, or the largest integer while the run is open: the order of lists is then
-- (close_order, start_time) descending, run_id ascending. The indexes leave out the run id (36 bytes each):
-- runs that started and closed in the same nanosecond are sorted when they are read.
--
-- indexed_values is a JSON object. Any condition on it is a plain expression, so a whole query language with
-- OR and NOT needs no joins; and it is complete, so that a later migration can build typed indexes from it.
CREATE TABLE visibility (
    execution_id INTEGER NOT NULL PRIMARY KEY,
    namespace_ref INTEGER NOT NULL,
    archetype INTEGER NOT NULL,
    status INTEGER NOT NULL,
    close_order INTEGER NOT NULL,
    start_time INTEGER NOT NULL,
    execution_time INTEGER NOT NULL,
    history_length INTEGER NOT NULL,
    history_size_bytes INTEGER NOT NULL,
    state_transition_count INTEGER NOT NULL,
    workflow_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    workflow_type TEXT NOT NULL,
    task_queue TEXT NOT NULL,
    parent_workflow_id TEXT NOT NULL,
    parent_run_id TEXT NOT NULL,
    root_workflow_id TEXT NOT NULL,
    root_run_id TEXT NOT NULL,
    indexed_values TEXT NOT NULL,
    search_attributes BLOB NOT NULL,
    memo BLOB NOT NULL
);

CREATE INDEX visibility_by_time
    ON visibility (namespace_ref, archetype, close_order DESC, start_time DESC);

CREATE INDEX visibility_by_status
    ON visibility (namespace_ref, archetype, status, close_order DESC, start_time DESC);

CREATE INDEX visibility_by_type
    ON visibility (namespace_ref, archetype, workflow_type, close_order DESC, start_time DESC);

CREATE INDEX visibility_by_workflow
    ON visibility (namespace_ref, archetype, workflow_id, close_order DESC, start_time DESC);
