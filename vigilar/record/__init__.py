"""From packets to `.vge` files with rows: the packet ring, what is recorded, rolling, recovery, sealed stills.

Not in here: where packets come from (capture), what motion is (detect), how bytes are sealed (vge), what the rows look
like (store). Recording waits for none of the packages beside it.
"""
