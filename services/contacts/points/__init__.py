"""Rules that give points for what contacts do."""
