"""Wiring, and nothing else: one module a process, which joins packages that do not know each other.

What has rules of its own belongs into a package below; what reads the configuration belongs into config.
"""
