"""The deterministic simulator: a whole node on a virtual clock, with faults from one seed."""
