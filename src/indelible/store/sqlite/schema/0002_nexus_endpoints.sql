-- Nexus endpoints belong to the cluster, not to a namespace.

CREATE TABLE nexus_endpoints (
    endpoint_id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    record BLOB NOT NULL
);
