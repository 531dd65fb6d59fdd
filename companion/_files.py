"""Files of arrays with a JSON header: written whole or not at all, and without code in them."""

import json
import os
from pathlib import Path

import numpy as np


def write_file(path, header, arrays):
    """Write `header` (JSON) and `arrays` (by name) to `path`, which holds the old file until then.

    The new file is complete, and on the disk, before it takes the place of the old one: a process
    that is killed, or a full disk, leaves the old one as it was.
    """
    partial = f"{os.fspath(path)}.partial"
    try:
        with open(partial, "wb") as file:
            text = json.dumps(header, default=np.generic.item, allow_nan=False)
            np.savez(file, header=np.array(text), **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        Path(partial).unlink(missing_ok=True)


def read_file(path, kind, writer, build):
    """Return ``build(header, arrays)`` for the file `path` of the given kind.

    Raise FileNotFoundError without it. If the file is damaged or foreign, or `build` fails, raise
    ValueError; it says that a file of this `kind`, written by `writer`, was expected.
    """
    try:
        with open(path, "rb") as content, np.load(content, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(str(arrays.pop("header")))
        if header["format"] != kind:
            raise ValueError(f"format {header['format']!r}")
        return build(header, arrays)
    except FileNotFoundError:
        raise
    except Exception as error:  # zipfile, NumPy and JSON raise a dozen kinds
        wanted = f"a whole file written by {writer} ({kind!r})"
        raise ValueError(f"{path} must be {wanted}, but reading it failed: {error}") from error
