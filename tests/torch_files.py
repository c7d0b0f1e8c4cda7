"""Files as torch.save writes them, made without PyTorch; for tests alone."""

import math
import pickle
import struct
import zipfile

import numpy as np

_TYPES = {"float32": b"FloatStorage", "int64": b"LongStorage"}
_EMPTY = b"ccollections\nOrderedDict\n)R"
_MAGIC, _VERSION = 0x1950A86A20F9469CFC6C, 1001


def save(path, tensors, older=False):
    """A dictionary of tensors, in the ZIP archive of today or in the stream of before version 1.6."""
    body = b"\x80\x02" + _EMPTY + b"("
    for key, (name, array) in enumerate(tensors.items()):
        body += _text(name) + _tensor(str(key), np.asarray(array), older)
    body += b"u."
    numbers = [np.ascontiguousarray(array) for array in tensors.values()]
    if not older:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", body)
            for key, array in enumerate(numbers):
                archive.writestr(f"archive/data/{key}", array.tobytes())
            archive.writestr("archive/version", "3\n")
        return path
    with path.open("wb") as file:
        for part in (_MAGIC, _VERSION, {"little_endian": True}):
            pickle.dump(part, file, protocol=2)
        file.write(body)
        pickle.dump([str(key) for key in range(len(numbers))], file, protocol=2)
        for array in numbers:
            file.write(struct.pack("<q", array.size) + array.tobytes())
    return path


def _text(text):
    return b"X" + struct.pack("<I", len(text.encode())) + text.encode()


def _numbers(*numbers):
    return b"(" + b"".join(b"J" + struct.pack("<i", n) for n in numbers) + b"t"


def _tensor(key, array, older):
    strides = [math.prod(array.shape[i + 1 :]) for i in range(array.ndim)]
    kind = b"ctorch\n" + _TYPES[array.dtype.name] + b"\n"
    count = b"J" + struct.pack("<i", array.size)
    storage = _text("storage") + kind + _text(key) + _text("cpu") + count + b"N" * older
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + (b"(" + storage + b"tQ" + b"J" + struct.pack("<i", 0))
        + (_numbers(*array.shape) + _numbers(*strides) + b"\x89" + _EMPTY + b"tR")
    )
