"""A server of ntfy, in the house or elsewhere: its app keeps a connection of its own, so it works without internet."""
