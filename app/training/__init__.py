"""Runs of fine-tuning as the window sees them: processes, their folders, the lines and completions they write."""
