"""Where simulated nodes, workers and clients live: time, chance, processes, network, disk."""
