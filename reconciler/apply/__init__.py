"""The applier: runs a plan's invocations, and remembers each one before and after."""
