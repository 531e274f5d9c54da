"""Where it is kept: one method per step of the journey; a method is a transaction."""
