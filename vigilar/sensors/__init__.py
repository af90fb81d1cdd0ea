"""What the house knows beside pictures: sensors by Zigbee2MQTT and on pins of this machine, and phones on the network.

What belongs here: reading what they say, their rows, supervision, who is at home. What does not: what becomes an event
(``events``), wiring (``processes/sensors.py``), pages. It only reports: nothing here arms or disarms.
"""
