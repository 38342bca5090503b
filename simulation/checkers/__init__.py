"""What must hold, whatever happens: the invariants of the design, held against what was stored."""
