"""Objectives to copy and change."""
