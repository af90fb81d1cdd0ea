"""Tests of Vigilar: unit beside nothing slow, flow with real files and bus, system with real processes."""
