"""Records of every kind: forms, links, assets, notes, stages, categories, campaigns."""
