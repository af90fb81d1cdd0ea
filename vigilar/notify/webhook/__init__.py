"""An address of the owner's that is called."""
