"""The recording format `.vge`: bytes, keys, writing, reading, proving and repairing one file.

Inside: header, records, tags, index, closing record, Merkle root, key ring, rewrapping. The authority is
``docs/format-vge.md``; where the two differ, the code is wrong.
Not inside: what a fragment contains (media), where files lie and which exist (store, record), when to write (record).

Read in this order: format, bodies, crypto, writer, scan, reader, walk, verify, recover. The only user of
``cryptography`` besides the notifiers is ``crypto``; errors of the system leave through ``gate`` as RecordingError.
"""
