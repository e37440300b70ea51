"""Serve every ONNX file of this folder, each under its name; the token comes from outside."""

import os
from pathlib import Path

from serve import make_app, run_app

networks = {path.stem: path for path in sorted(Path(__file__).parent.glob("*.onnx"))}
run_app(make_app(networks, token=os.environ["SERVE_TOKEN"]), "0.0.0.0")
