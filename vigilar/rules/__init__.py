"""Rules: who is told of an event, how, and why. Pure but for reading the state of the house."""
