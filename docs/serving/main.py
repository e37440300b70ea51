"""Serve every ONNX file of this folder, each under its name; the token comes from outside.

The networks are fixed: `load` would reach only one of several containers.
"""

import os
from pathlib import Path

from serve import make_app, run_app

networks = {path.stem: path for path in sorted(Path(__file__).parent.glob("*.onnx"))}
app = make_app(networks, token=os.environ["SERVE_TOKEN"])
app.state.answers.is_fixed = True
run_app(app, "0.0.0.0")
