"""Every statement of the SQLite store but those of the schema and of searches, by name.

Owns the SQL text. Each text is one object, prepared once per connection. Must not know who runs it.
"""

from typing import Final

EVENT_BITS: Final = 24
"""Width of the event id in `history_batches.batch_key`."""

# ------------------------------------------------------------------------------ metadata and shards
METADATA: Final = "SELECT name, value FROM metadata"
PUT_METADATA: Final = "INSERT OR REPLACE INTO metadata (name, value) VALUES (?, ?)"
SHARDS: Final = "SELECT shard_id, range_id FROM shards"
PUT_SHARD: Final = "INSERT OR REPLACE INTO shards (shard_id, range_id, owner) VALUES (?, ?, ?)"

# --------------------------------------------------------------------------------------- namespaces
NAMESPACE_REF: Final = "SELECT namespace_ref FROM namespaces WHERE namespace_id = ?"
NAMESPACE_ID: Final = "SELECT namespace_id FROM namespaces WHERE namespace_ref = ?"
ADD_NAMESPACE_REF: Final = "INSERT INTO namespaces (namespace_id) VALUES (?)"
NAMESPACES: Final = """
SELECT namespace_id, name, record FROM namespaces WHERE name IS NOT NULL ORDER BY namespace_id
"""
NAMESPACE_OF_NAME: Final = "SELECT namespace_id FROM namespaces WHERE name = ?"
PUT_NAMESPACE: Final = "UPDATE namespaces SET name = ?, record = ? WHERE namespace_ref = ?"
DELETE_NAMESPACE: Final = """
UPDATE namespaces SET name = NULL, record = NULL WHERE namespace_id = ?
"""
DELETE_RECORDS_OF_NAMESPACE: Final = "DELETE FROM namespace_records WHERE namespace_id = ?"

# ------------------------------------------------------------------------- records of namespaces
NAMESPACE_RECORDS: Final = """
SELECT namespace_id, name, record FROM namespace_records WHERE kind = ?
ORDER BY namespace_id, name
"""
PUT_NAMESPACE_RECORD: Final = """
INSERT OR REPLACE INTO namespace_records (kind, namespace_id, name, record) VALUES (?, ?, ?, ?)
"""
DELETE_NAMESPACE_RECORD: Final = """
DELETE FROM namespace_records WHERE kind = ? AND namespace_id = ? AND name = ?
"""

# ---------------------------------------------------------------------------------- nexus endpoints
NEXUS_ENDPOINTS: Final = """
SELECT endpoint_id, name, record FROM nexus_endpoints ORDER BY endpoint_id
"""
NEXUS_ENDPOINT_OF_NAME: Final = "SELECT endpoint_id FROM nexus_endpoints WHERE name = ?"
PUT_NEXUS_ENDPOINT: Final = """
INSERT OR REPLACE INTO nexus_endpoints (endpoint_id, name, record) VALUES (?, ?, ?)
"""
DELETE_NEXUS_ENDPOINT: Final = "DELETE FROM nexus_endpoints WHERE endpoint_id = ?"

# --------------------------------------------------------------------------------------- executions
LOCATE_EXECUTION: Final = """
SELECT execution_id, version, is_open, branch_id, wake_at FROM executions
WHERE run_id = ? AND workflow_id = ? AND archetype = ? AND namespace_ref = ?
"""
ADD_EXECUTION: Final = """
INSERT INTO executions (
    execution_id, namespace_ref, shard_id, archetype, is_open, version, wake_at, branch_id,
    workflow_id, run_id, record
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
UPDATE_EXECUTION: Final = """
UPDATE executions SET is_open = ?, version = ?, record = ? WHERE execution_id = ?
"""
# The index of wake-ups is touched only where its column is named.
UPDATE_EXECUTION_AND_WAKE_UP: Final = """
UPDATE executions SET is_open = ?, version = ?, record = ?, wake_at = ? WHERE execution_id = ?
"""
DELETE_EXECUTION: Final = "DELETE FROM executions WHERE execution_id = ?"
LOAD_EXECUTION: Final = """
SELECT execution_id, version, record FROM executions
WHERE run_id = ? AND workflow_id = ? AND archetype = ? AND namespace_ref = ?
"""
BRANCH: Final = """
SELECT branch_id FROM executions
WHERE run_id = ? AND workflow_id = ? AND archetype = ? AND namespace_ref = ?
"""
WAKE_UPS: Final = """
SELECT wake_at, namespace_ref, workflow_id, run_id, archetype
FROM executions INDEXED BY executions_by_wake_up
WHERE shard_id = ? AND wake_at > 0 AND wake_at < ? ORDER BY wake_at, execution_id LIMIT ?
"""
EXECUTION_ID_LAST: Final = "SELECT coalesce(max(execution_id), 0) FROM executions"

CURRENT_RUN: Final = """
SELECT run_id FROM current_runs WHERE namespace_ref = ? AND archetype = ? AND workflow_id = ?
"""
PUT_CURRENT_RUN: Final = """
INSERT OR REPLACE INTO current_runs (namespace_ref, archetype, workflow_id, run_id)
VALUES (?, ?, ?, ?)
"""
DELETE_CURRENT_RUN: Final = """
DELETE FROM current_runs
WHERE namespace_ref = ? AND archetype = ? AND workflow_id = ? AND run_id = ?
"""

SUB_RECORDS: Final = """
SELECT kind, record_id, blob FROM sub_records WHERE execution_id = ? ORDER BY kind, record_id
"""
PUT_SUB_RECORD: Final = """
INSERT OR REPLACE INTO sub_records (execution_id, kind, record_id, blob) VALUES (?, ?, ?, ?)
"""
REMOVE_SUB_RECORD: Final = """
DELETE FROM sub_records WHERE execution_id = ? AND kind = ? AND record_id = ?
"""
DELETE_SUB_RECORDS: Final = "DELETE FROM sub_records WHERE execution_id = ?"

# ------------------------------------------------------------------------------------------ history
ADD_HISTORY_BATCH: Final = """
INSERT INTO history_batches (batch_key, next_event_id, blob) VALUES (?, ?, ?)
"""
# The batch that holds the first event may begin before it.
HISTORY: Final = """
SELECT batch_key, next_event_id, blob FROM history_batches
WHERE batch_key >= coalesce(
    (SELECT max(batch_key) FROM history_batches WHERE batch_key BETWEEN :floor AND :first), :floor
) AND batch_key < :end ORDER BY batch_key
"""
HISTORY_REVERSE: Final = f"{HISTORY.rstrip()} DESC"
DELETE_HISTORY_SLICE: Final = """
DELETE FROM history_batches WHERE batch_key IN (
    SELECT batch_key FROM history_batches WHERE batch_key >= ? AND batch_key < ? LIMIT ?
)
"""
ANCESTORS: Final = """
SELECT ancestor_branch_id, end_event_id FROM branch_ancestors
WHERE branch_id = ? ORDER BY end_event_id
"""
ADD_ANCESTOR: Final = """
INSERT INTO branch_ancestors (branch_id, end_event_id, ancestor_branch_id) VALUES (?, ?, ?)
"""
DELETE_ANCESTORS: Final = "DELETE FROM branch_ancestors WHERE branch_id = ?"
BRANCH_DESCENDANT: Final = """
SELECT branch_id FROM branch_ancestors WHERE ancestor_branch_id = ? LIMIT 1
"""
BRANCH_OWNER: Final = "SELECT execution_id FROM executions WHERE execution_id = ?"
ADD_DEAD_BRANCH: Final = "INSERT INTO dead_branches (branch_id) VALUES (?)"
DEAD_BRANCH: Final = "SELECT branch_id FROM dead_branches LIMIT 1"
DEAD_BRANCH_LAST: Final = "SELECT coalesce(max(branch_id), 0) FROM dead_branches"
DELETE_DEAD_BRANCH: Final = "DELETE FROM dead_branches WHERE branch_id = ?"

# -------------------------------------------------------------------------------------------- tasks
ADD_TRANSFER: Final = """
INSERT INTO transfers (shard_id, task_id, namespace_ref, workflow_id, run_id, archetype, blob)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""
REMOVE_TRANSFER: Final = "DELETE FROM transfers WHERE shard_id = ? AND task_id = ?"
TRANSFERS: Final = """
SELECT task_id, namespace_ref, workflow_id, run_id, archetype, blob FROM transfers
WHERE shard_id = ? AND task_id > ? ORDER BY task_id LIMIT ?
"""
ADD_DISPATCH: Final = """
INSERT INTO dispatches (
    task_id, queue_namespace_ref, queue_type, queue_name, priority, pass_number, fairness_key,
    created_at, namespace_ref, workflow_id, run_id, archetype, blob
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
REMOVE_DISPATCH: Final = """
DELETE FROM dispatches
WHERE task_id = ? AND queue_name = ? AND queue_type = ? AND queue_namespace_ref = ?
"""
# In parts: SQLite does not use the last column of (priority, pass_number, task_id) > (?, ?, ?)
# where that is the number of the row.
_DISPATCHES: Final = """
SELECT priority, pass_number, task_id, fairness_key, created_at,
    namespace_ref, workflow_id, run_id, archetype, blob
FROM dispatches INDEXED BY dispatches_by_queue
WHERE queue_namespace_ref = ?1 AND queue_type = ?2 AND queue_name = ?3
"""
DISPATCHES: Final = f"""
{_DISPATCHES} AND priority = ?4 AND pass_number = ?5 AND task_id > ?6
UNION ALL
{_DISPATCHES} AND priority = ?4 AND pass_number > ?5
UNION ALL
{_DISPATCHES} AND priority > ?4
ORDER BY priority, pass_number, task_id LIMIT ?7
"""
WAITING_PASSES: Final = """
SELECT queue_namespace_ref, queue_type, queue_name, priority, fairness_key,
    min(pass_number), max(pass_number)
FROM dispatches INDEXED BY dispatches_by_queue
WHERE pass_number > 0
GROUP BY queue_namespace_ref, queue_type, queue_name, priority, fairness_key
"""
_BACKLOGS: Final = """
SELECT priority, count(*) AS size, min(task_id) AS oldest
FROM dispatches INDEXED BY dispatches_by_queue
WHERE queue_namespace_ref = ?1 AND queue_type = ?2 AND queue_name = ?3
"""
DISPATCH_BACKLOGS: Final = f"""
WITH backlogs AS (
    {_BACKLOGS} AND priority = ?4 AND pass_number = ?5 AND task_id > ?6 GROUP BY priority
    UNION ALL
    {_BACKLOGS} AND priority = ?4 AND pass_number > ?5 GROUP BY priority
    UNION ALL
    {_BACKLOGS} AND priority > ?4 GROUP BY priority
)
SELECT backlogs.priority, size, created_at FROM backlogs JOIN dispatches ON task_id = oldest
ORDER BY oldest
"""  # noqa: S608 - our own text

# --------------------------------------------------------------------------------------- visibility
# When a run began, what it is called and whose child it is never changes, so the indexes of those
# columns are touched once. (INSERT OR REPLACE took twice the time.)
PUT_VISIBILITY: Final = """
INSERT INTO visibility (
    execution_id, namespace_ref, archetype, status, close_order, start_time, execution_time,
    history_length, history_size_bytes, state_transition_count, workflow_id, run_id, workflow_type,
    task_queue, parent_workflow_id, parent_run_id, root_workflow_id, root_run_id, indexed_values,
    search_attributes, memo
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (execution_id) DO UPDATE SET
    archetype = excluded.archetype,
    status = excluded.status,
    close_order = excluded.close_order,
    execution_time = excluded.execution_time,
    history_length = excluded.history_length,
    history_size_bytes = excluded.history_size_bytes,
    state_transition_count = excluded.state_transition_count,
    workflow_type = excluded.workflow_type,
    task_queue = excluded.task_queue,
    indexed_values = excluded.indexed_values,
    search_attributes = excluded.search_attributes,
    memo = excluded.memo
"""
VISIBILITY_PLACE: Final = """
SELECT namespace_ref, archetype, workflow_type, status, close_order, start_time, indexed_values
FROM visibility WHERE execution_id = ?
"""
DELETE_VISIBILITY: Final = "DELETE FROM visibility WHERE execution_id = ?"
PUT_VISIBILITY_VALUE: Final = """
INSERT INTO visibility_values (
    namespace_ref, archetype, name, value, close_order, start_time, execution_id
) VALUES (?, ?, ?, json_extract(?, '$'), ?, ?, ?)
"""
DELETE_VISIBILITY_VALUE: Final = """
DELETE FROM visibility_values
WHERE namespace_ref = ? AND archetype = ? AND name = ? AND value = json_extract(?, '$')
    AND close_order = ? AND start_time = ? AND execution_id = ?
"""
ADD_VISIBILITY_COUNT: Final = """
INSERT INTO visibility_counts (namespace_ref, archetype, workflow_type, status, row_count)
VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET row_count = row_count + excluded.row_count
"""
DELETE_VISIBILITY_COUNT: Final = """
DELETE FROM visibility_counts
WHERE namespace_ref = ? AND archetype = ? AND workflow_type = ? AND status = ? AND row_count = 0
"""
