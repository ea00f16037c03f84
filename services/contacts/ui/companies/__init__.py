"""The pages of companies and of their members."""
