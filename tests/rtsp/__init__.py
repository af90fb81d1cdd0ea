"""RTSP servers nobody in this project wrote, wrapped for tests."""
