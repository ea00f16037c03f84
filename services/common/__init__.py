"""What two or more services truly share: settings, wire formats, keys, tables and the profile store."""
