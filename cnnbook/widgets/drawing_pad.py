"""How can somebody draw a digit in a notebook, and the network get it as it knows digits?

Source: LeCun, Bottou, Bengio & Haffner (1998), "Gradient-Based Learning Applied to Document
Recognition", https://doi.org/10.1109/5.726791, section III.A, for the size and the place of MNIST's
digits: 20 of 28 pixels, the centre of mass in the middle.
"""

import numpy as np

try:
    import anywidget
    import traitlets
except ModuleNotFoundError:
    raise ModuleNotFoundError("the pad needs anywidget: pip install anywidget") from None

from cnnbook._checks import checked

SIDE = 168  # pixels of the pad, in the script too
SCRIPT = """
function render({ model, el }) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 168;
  canvas.title = "Draw here with the mouse";
  Object.assign(canvas.style, { cursor: "crosshair", touchAction: "none", borderRadius: "4px" });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  Object.assign(pen, { lineWidth: 14, lineCap: "round", lineJoin: "round", strokeStyle: "white" });
  const clear = () => pen.fillRect(0, 0, 168, 168);
  const draw = (event) => {
    pen.lineTo(event.offsetX, event.offsetY);
    pen.stroke();
    const red = pen.getImageData(0, 0, 168, 168).data.filter((_, index) => index % 4 == 0);
    model.set("ink", new DataView(red.buffer));
    model.save_changes();
  };
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    pen.beginPath();
    draw(event);
  };
  canvas.onpointermove = (event) => canvas.hasPointerCapture(event.pointerId) && draw(event);
  const button = document.createElement("button");
  button.textContent = "Wipe";
  button.className = "jupyter-button widget-button";
  button.onclick = () => {
    clear();
    model.set("ink", new DataView(new ArrayBuffer(0)));
    model.save_changes();
  };
  const hint = document.createElement("div");
  hint.textContent = "Draw a digit with the mouse.";
  const [row, side] = [document.createElement("div"), document.createElement("div")];
  Object.assign(row.style, { display: "flex", gap: "8px" });
  side.append(hint, button);
  row.append(canvas, side);
  model.on("change:ink", () => model.get("ink").byteLength || clear());
  clear();
  el.append(row);
}
export default { render };
"""


class DrawingPad(anywidget.AnyWidget):
    """A black square to draw on in white, with a mouse, a finger or a pen.

    `ink` has the drawing, a byte a pixel; none when nothing is drawn. Set it to b"" to wipe.

    Example:
        >>> pad = DrawingPad()
        >>> pad.image((28, 28)) is None
        True
        >>> ink = np.zeros((168, 168), "uint8")
        >>> ink[60:160, 10:20] = 255  # a stroke of 100 pixels, low on the left
        >>> pad.ink = ink.tobytes()
        >>> image = pad.image((28, 28))
        >>> int(image.any(axis=1).sum())  # now 20 pixels, in the middle
        20
    """

    _esm = SCRIPT
    ink = traitlets.Any(b"").tag(sync=True, echo_update=False)

    def image(self, shape: tuple[int, ...]) -> np.ndarray | None:
        """Return the drawing as a picture for a network, or None when nothing is drawn.

        Args:
            shape: Of the picture, (height, width) or (height, width, channels).

        Returns:
            (height, width) float64 in [0, 255]: the drawing brought to 5/7 of the shorter side, its
            centre of mass in the middle.
        """
        ink = np.frombuffer(self.ink, "uint8")
        return center_drawing(ink.reshape(SIDE, SIDE), *shape[:2]) if ink.any() else None


@checked
def center_drawing(drawing: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bring a drawing to 5/7 of a picture's shorter side, its centre of mass to the middle.

    Args:
        drawing: (rows, columns), 0 where nothing is drawn, above 0 elsewhere.
        height: Of the picture, in pixels.
        width: Likewise.

    Returns:
        (height, width) float64 on the scale of the drawing; each pixel the mean of what it covers.

    Raises:
        ValueError: If the drawing is no such matrix or empty, or the picture has no pixel.

    Example:
        >>> center_drawing(np.eye(2), 7, 7).astype(int)[1:6, 1:6].tolist()[0]
        [1, 1, 0, 0, 0]
    """
    drawing = np.asarray(drawing)
    is_matrix = drawing.ndim == 2 and drawing.dtype.kind in "buif" and np.isfinite(drawing).all()
    if not is_matrix or not drawing.any() or drawing.min() < 0:
        raise ValueError(
            "`drawing` must be a matrix with something on it, finite numbers from 0; got"
            f" {drawing.dtype} of shape {drawing.shape}{'' if drawing.any() else ', all 0'}."
        )
    if min(height, width) < 1:
        raise ValueError(f"`height` and `width` must be 1 or more; got {height} and {width}.")
    rows, columns = (np.flatnonzero(drawing.any(axis=axis)) for axis in (1, 0))
    box = drawing[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = min(height, width) * 5 / 7 / max(box.shape)
    sizes = [max(1, round(side * scale)) for side in box.shape]
    small = _means(box.shape[0], sizes[0]) @ box @ _means(box.shape[1], sizes[1]).T
    image, places = np.zeros((height, width)), []
    for axis, (side, size) in enumerate(zip(image.shape, sizes, strict=True)):
        middle = small.sum(axis=1 - axis) @ np.arange(size) / small.sum()
        start = min(max(round(side // 2 - middle), 0), side - size)  # of 28, number 14
        places.append(slice(start, start + size))
    image[tuple(places)] = small
    return image


def _means(old: int, new: int) -> np.ndarray:
    """Return the matrix (new, old) that resizes one axis: each row a mean of what it covers."""
    ends, pixels = np.arange(1, new + 1)[:, None] * old / new, np.arange(old)
    covered = np.minimum(ends, pixels + 1) - np.maximum(ends - old / new, pixels)
    return covered.clip(0) * new / old
