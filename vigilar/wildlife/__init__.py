"""What the journal of wild animals is computed with: species, the sun, nights, hours watched, what is new, the grid.

Inside: pure computation over rows that others have read. Not inside: pages, SQL, processes.
"""
