"""What happens in the world: workers, clients, workflow programs, and what goes wrong."""
