"""A made-up part of a province: sample records for a first look, and address files of any size for load work."""
