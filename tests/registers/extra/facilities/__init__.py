"""Facilities that the plans ask to be mapped: wifi, culture houses, post offices, loudspeakers."""
