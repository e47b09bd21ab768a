"""The interop table: a module a family of clients, each with SEQUENCES. A new check is one more line there."""

from . import freeipmi, ipmitool, others

SEQUENCES = (*ipmitool.SEQUENCES, *freeipmi.SEQUENCES, *others.SEQUENCES)
