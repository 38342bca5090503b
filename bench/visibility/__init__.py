"""How long lists and counts take in a large file."""
