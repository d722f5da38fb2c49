"""New Rural Development (nông thôn mới) results of communes: status, period, decision."""
