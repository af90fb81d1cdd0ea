"""Over the house's own bus: sirens, lights and scenes, without internet and without a phone."""
