"""Task queues: hands committed tasks to polling workers. Holds windows, never the tasks."""
