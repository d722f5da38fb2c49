"""Rural tourism points (điểm du lịch nông thôn)."""
