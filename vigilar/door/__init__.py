"""The one port of the house: what stands before the pages, the certificates it shows, and its name on the network.

Inside: HAProxy's configuration, the house's own certificate authority, the name ``vigilar.local``. Not inside: who may
ask what (``web``), starting and watching HAProxy (``processes``).
"""
