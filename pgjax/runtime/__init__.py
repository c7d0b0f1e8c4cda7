"""Devices, hosts, signals, precision, and programs that are compiled once and kept."""
