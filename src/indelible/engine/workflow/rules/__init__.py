"""What several decisions share: how workflow tasks, activities and runs go on from one state to the next."""
