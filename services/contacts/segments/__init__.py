"""Segments: contacts found by filters, with those added and without those removed by hand."""
