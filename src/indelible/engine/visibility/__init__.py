"""How executions are found: the searchable row, its fields, and the filter language."""
