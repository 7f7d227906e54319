"""Connects Lumo to the hub."""
