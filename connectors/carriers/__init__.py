"""Carriers: the names and tracking pages of the common ones, and the drivers of those that are asked to come."""
