"""The namespace: its record, and the rules by which one is registered, changed and retired."""
