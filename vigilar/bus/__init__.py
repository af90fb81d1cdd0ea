"""The message bus: topic names, messages and the MQTT client. Small messages only: no pictures, no secrets.

The only package that knows paho. Foreign errors leave it as BusError.
"""
