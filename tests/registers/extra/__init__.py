"""A register that the product does not have: one folder and one migration, nothing else."""
