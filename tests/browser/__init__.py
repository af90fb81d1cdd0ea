"""Tests that look at the pages in headless Chromium, and the house they look at."""
