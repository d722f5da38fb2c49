"""Communes (xã, phường, đặc khu): 3,321 since 1 July 2025, with validity dates."""
