"""Mains and battery: reads a UPS through NUT, and says when the house runs on its battery."""
