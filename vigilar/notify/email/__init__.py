"""E-mail, by a server of the house or of a provider."""
