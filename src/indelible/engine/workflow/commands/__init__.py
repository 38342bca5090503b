"""One file per worker command: validation, event, tasks. The table of all of them is in `commands.registry`."""
