"""Runs a model's ONNX file by ONNX Runtime, without JAX."""

import importlib.util
import os
from typing import Any

import numpy as np

from pgjax.errors import InputError
from pgjax.files import paths
from pgjax.serving.portable import interface

MISSING = "onnxruntime is not installed, which runs ONNX files; pip install 'pgjax[onnx]'"


class Session:
    """A model that ONNX Runtime draws with, a batch of any size at a time.

    Attributes:
      row, step, size, reads_view: as PoseTransfer's. facts: all that the file says of its model. inputs:
        those of interface.INPUTS that it reads.
    """

    def __init__(self, path: str | os.PathLike, content: bytes | None = None):
        """Reads a file, or the bytes that are to be one.

        Raises:
          FileNotFoundError: there is none.
          InputError: it is not what `pgjax export --onnx` writes, or onnxruntime is not installed.
        """
        if importlib.util.find_spec("onnxruntime") is None:
            raise InputError(f"{path}: {MISSING}")
        import onnxruntime

        path = paths.local(path)
        if content is None and not path.is_file():
            raise FileNotFoundError(f"{path}: no such model")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # it warns of what its own optimizer leaves
        try:
            self._session = onnxruntime.InferenceSession(
                str(path) if content is None else content,
                options,
                providers=["CPUExecutionProvider"],
            )
        except Exception as error:  # its errors have no class of their own
            reason = str(error).strip().partition("\n")[0]
            raise InputError(f"{path}: not an ONNX file that can be run: {reason}") from error
        found = self._session.get_modelmeta().custom_metadata_map
        self.facts = interface.facts(path, found)
        self.row, self.step, self.size = self.facts.row, self.facts.step, self.facts.size
        self.reads_view = self.facts.reads_view
        self.inputs = tuple(one.name for one in self._session.get_inputs())

    def __call__(self, *given: np.ndarray) -> tuple[Any, Any]:
        """As drawing.Drawing: pictures uint8 (B, H, W, 3), and whether all of them are finite."""
        told = dict(zip(interface.INPUTS, given, strict=True))
        made: Any = self._session.run(
            [interface.PICTURE, interface.FINITE], {name: told[name] for name in self.inputs}
        )
        pictures, finite = made
        return pictures, bool(np.all(finite))
