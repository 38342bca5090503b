"""Worker deployments: which version of the workers gets the work."""
