"""Faults of the input or the arguments: told in one plain sentence, never as a traceback."""


class InputError(ValueError):
    """Says, in one sentence for a person, which file or field is at fault and what to do; exit code 2."""
