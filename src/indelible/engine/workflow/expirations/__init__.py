"""One file per deadline that passes. `fire_due` in `expirations.firing` runs them in order."""
