"""Nano, the packaged model: its synthetic world, its training and its evaluation."""
