"""Map outlines and labels; read them through ``geodata.reference``."""
