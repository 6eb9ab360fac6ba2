"""Retraining of the models that the package ships; not part of the package."""
