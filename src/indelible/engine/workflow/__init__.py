"""The workflow execution: requests, commands and expirations decide; appliers change the state."""
