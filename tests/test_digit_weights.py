"""The weights of the digit net are those of the manifest; others are refused."""

import json

import pytest

from cnnbook import _digit_weights, _machine
from cnnbook._digit_weights import digit_weights
from cnnbook._machine import embedded_file


def test_the_weights_are_those_of_the_manifest():
    manifest = embedded_file("manifest.json")
    entry = json.loads(manifest.read_text(encoding="utf-8"))[_digit_weights.FILE]
    assert entry["sha256"] == _digit_weights.SHA256


def test_changed_weights_are_refused(monkeypatch, tmp_path):
    place = embedded_file(_digit_weights.FILE)
    content = bytearray(place.read_bytes())
    content[5_000] ^= 1
    (tmp_path / "digit_net").mkdir()
    (tmp_path / _digit_weights.FILE).write_bytes(content)
    monkeypatch.setattr(_machine, "embedded_folders", lambda: [tmp_path])
    with pytest.raises(OSError, match="weights.npz: its SHA-256 must be"):
        digit_weights()


def test_missing_weights_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(_machine, "embedded_folders", lambda: [tmp_path])
    with pytest.raises(FileNotFoundError, match="weights.npz is not there; take the folder data/"):
        digit_weights()
