"""Which task goes to which poller: the pure half of matching. Knows no store and no clock."""
