-- Few and small records of a namespace, held in memory by whoever owns their kind.

CREATE TABLE namespace_records (
    kind INTEGER NOT NULL,
    namespace_id TEXT NOT NULL,
    name TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (kind, namespace_id, name)
) WITHOUT ROWID;
