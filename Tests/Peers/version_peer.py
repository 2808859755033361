#!/usr/bin/env python3
"""Orders versions as PyPI's `packaging` does: reads a JSON array of texts, writes an array of rows.

A row is null where the text is no version, else the signs of its comparison with every other valid version, in the
order of the input.
"""
import json
import sys

from packaging.version import InvalidVersion, Version


def parse(text):
    try:
        return Version(text)
    except InvalidVersion:
        return None


versions = [parse(text) for text in json.load(sys.stdin)]
valid = [version for version in versions if version is not None]
json.dump([
    None if version is None else [(version > other) - (version < other) for other in valid]
    for version in versions], sys.stdout)
