"""Administrative unit lists and old-to-new tables; read them through ``geodata.reference``."""
