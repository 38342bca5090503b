"""One file per worker command: validation, event, tasks. `registry` has the table of them."""
