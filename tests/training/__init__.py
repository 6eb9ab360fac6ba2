"""The training of nano: its world and pictures, its steps, and how it is measured."""
