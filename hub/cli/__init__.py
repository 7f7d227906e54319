"""The command line: `hub COMMAND …`.

Exit codes, for scripts and service managers:

    0    done, and all is well
    1    something failed, or what was asked for is not there
    2    the command or the configuration is wrong; nothing was begun
    3    a person has to decide first: see `hub review`
    4    not converged: more is left to do than this run could
    130  interrupted
"""

from hub.cli.app import main

__all__ = ["main"]
