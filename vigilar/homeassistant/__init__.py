"""The house in the words of Home Assistant's MQTT discovery.

Inside: what each device is, what state it is in, which topics that needs, and the pictures of it. Not inside: the
connection and the loop (``processes.homeassistant``). Nothing here disarms, and nothing here keeps a picture anywhere.
"""
