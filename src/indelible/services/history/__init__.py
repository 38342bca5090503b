"""The history service: owns the shards and runs every step of every execution."""
