"""Many schedules that fire in the same minute."""
