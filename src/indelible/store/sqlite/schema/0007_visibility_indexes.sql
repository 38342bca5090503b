-- Indexes for the common filters of lists and counts. They are made of the rows that are there, which takes some
-- ten seconds for a million executions.
--
-- An execution with a namespace division is one of the service's own; lists leave it out unless they ask for it.
-- Its row has the negative of its archetype, so that the indexes of the others hold nothing that has to be skipped.

UPDATE visibility SET archetype = -archetype
    WHERE json_type(indexed_values, '$.TemporalNamespaceDivision') IS NOT NULL;

-- The status is there to be looked at without the row: a type with one status is a common filter.
DROP INDEX visibility_by_type;

CREATE INDEX visibility_by_type
    ON visibility (namespace_ref, archetype, workflow_type, close_order DESC, start_time DESC, status);

CREATE INDEX visibility_by_start
    ON visibility (namespace_ref, archetype, start_time);

-- Children only. An execution without a parent is its own root.
CREATE INDEX visibility_by_parent
    ON visibility (namespace_ref, archetype, parent_workflow_id, close_order DESC, start_time DESC)
    WHERE parent_workflow_id <> '';

CREATE INDEX visibility_by_root
    ON visibility (namespace_ref, archetype, root_workflow_id, close_order DESC, start_time DESC)
    WHERE parent_workflow_id <> '';

-- One row for each value of each search attribute, in the order of lists: an execution without attributes has none.
-- It is written in the transaction of the row that it is made of.
CREATE TABLE visibility_values (
    namespace_ref INTEGER NOT NULL,
    archetype INTEGER NOT NULL,
    name TEXT NOT NULL,
    value NOT NULL,
    close_order INTEGER NOT NULL,
    start_time INTEGER NOT NULL,
    execution_id INTEGER NOT NULL,
    PRIMARY KEY (namespace_ref, archetype, name, value, close_order DESC, start_time DESC, execution_id)
) WITHOUT ROWID;

-- How many rows there are: lists are announced with these numbers, and none of them is counted when it is asked for.
CREATE TABLE visibility_counts (
    namespace_ref INTEGER NOT NULL,
    archetype INTEGER NOT NULL,
    workflow_type TEXT NOT NULL,
    status INTEGER NOT NULL,
    row_count INTEGER NOT NULL,
    PRIMARY KEY (namespace_ref, archetype, workflow_type, status)
) WITHOUT ROWID;

-- Workers without versioning leave their build ids on every execution; those are not worth two more rows for each.
INSERT OR IGNORE INTO visibility_values
    SELECT run.namespace_ref, run.archetype, attribute.key AS name, attribute.atom AS value,
        run.close_order, run.start_time, run.execution_id
    FROM visibility AS run, json_each(run.indexed_values) AS attribute
    WHERE attribute.atom IS NOT NULL
    UNION ALL
    SELECT run.namespace_ref, run.archetype, attribute.key, element.atom,
        run.close_order, run.start_time, run.execution_id
    FROM visibility AS run, json_each(run.indexed_values) AS attribute, json_each(attribute.value) AS element
    WHERE attribute.type = 'array' AND NOT (attribute.key = 'BuildIds' AND element.atom LIKE 'unversioned%')
    ORDER BY 1, 2, 3, 4, 5 DESC, 6 DESC, 7;

INSERT INTO visibility_counts
    SELECT namespace_ref, archetype, workflow_type, status, count(*) FROM visibility GROUP BY 1, 2, 3, 4;
