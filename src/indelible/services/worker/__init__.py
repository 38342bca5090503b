"""Background services: what goes on although no client waits for it."""
