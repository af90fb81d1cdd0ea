"""Pages and API, one blueprint a subject: account, cameras, events, footage, live, system.

Nothing in here beyond reading the request, asking a module of ``web`` or ``store``, and wording the answer.
"""
