"""The one exception that is meant for the person at the keyboard."""


class JstasrError(Exception):
    """Bad input or a lacking prerequisite: the message says what is wrong, where, and what to do.

    The command line prints the message alone, without a traceback, and exits with code 1.
    """
