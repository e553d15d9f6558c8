"""Figures and widgets, in the reader's language."""
