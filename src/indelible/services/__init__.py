"""The async shells around the engine: frontend over history and matching."""
