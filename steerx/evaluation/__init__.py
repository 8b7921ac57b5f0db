"""Evaluation: what an edit did to the pictures."""
