"""The pages of stages."""
