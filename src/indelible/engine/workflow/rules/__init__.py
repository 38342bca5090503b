"""What several decisions share: how tasks, activities and runs go on from state to state."""
