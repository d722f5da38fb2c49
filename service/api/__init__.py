"""HTTP: one router a surface."""
