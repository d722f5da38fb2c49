"""Registers as files that can be edited and sent back: each row carries the id of its record."""
