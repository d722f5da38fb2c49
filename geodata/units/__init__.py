"""Administrative units as other code asks for them: which commune is where, in which province."""
