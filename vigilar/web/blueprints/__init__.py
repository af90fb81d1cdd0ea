"""Pages and API, one blueprint a subject: account, cameras, events, footage, live, system. No logic beyond the request."""
