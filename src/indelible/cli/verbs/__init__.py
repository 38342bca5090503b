"""What commands do: one module per subject, each function named by a row of `cli.tables`."""
