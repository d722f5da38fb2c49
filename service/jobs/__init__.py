"""The queue: tasks, worker and recovery loop."""
