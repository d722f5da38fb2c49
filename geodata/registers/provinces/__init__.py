"""Provinces: 34 since 1 July 2025, with the dates between which each form is valid."""
