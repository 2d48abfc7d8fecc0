"""One worker as a process: built from its adapters, run, drained, ended with an exit code."""
