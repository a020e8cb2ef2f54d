#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Predictions of a trained model in Python, by libseqtrain through ctypes, with NumPy.

    python3 ctypes_predict.py RUN rows.csv >predictions.csv
    python3 ctypes_predict.py RUN rows.npy -o predictions.npy

rows.csv has a header with the columns that the model asks for; a column "time" is in seconds since 1970 or
in ISO 8601. rows.npy is an array [rows, columns] of them in the order in which the model names them, behind
the time in seconds where rows have one. LIBSEQTRAIN names the library where the system does not find it.
See seqtrain-library(3).
"""
import argparse
import csv
import ctypes
import ctypes.util
import datetime
import os
import sys

import numpy as np

NO_TIME = -(2**63)


def load():
    """The library with the types of its functions."""
    lib = ctypes.CDLL(os.environ.get("LIBSEQTRAIN") or ctypes.util.find_library("seqtrain") or "libseqtrain.so.0")
    model, text, size, count = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int
    doubles = np.ctypeslib.ndpointer(np.float64, flags="C_CONTIGUOUS")
    times = np.ctypeslib.ndpointer(np.int64, flags="C_CONTIGUOUS")
    for name, result, arguments in [
        ("st_open", model, [text, text]),
        ("st_free", None, [model]),
        ("st_error", text, []),
        ("st_inputs", size, [model]),
        ("st_input_name", text, [model, size]),
        ("st_outputs", size, [model]),
        ("st_output_name", text, [model, size]),
        ("st_timed", count, [model]),
        ("st_rows", size, [model]),
        ("st_push", count, [model, doubles, ctypes.c_int64, doubles, times]),
        ("st_reset", count, [model]),
    ]:
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib


class Model:
    """A trained model with its state; it may be shared by threads."""

    def __init__(self, path, device=None):
        self.lib = load()
        self.handle = self.lib.st_open(os.fsencode(path), device.encode() if device else None)
        if not self.handle:
            raise RuntimeError(self.lib.st_error().decode())
        lib, handle = self.lib, self.handle
        self.inputs = [lib.st_input_name(handle, i).decode() for i in range(lib.st_inputs(handle))]
        self.outputs = [lib.st_output_name(handle, i).decode() for i in range(lib.st_outputs(handle))]
        self.timed = bool(lib.st_timed(handle))
        self.rows = lib.st_rows(handle)

    def push(self, row, time=0):
        """[rows, outputs] of predictions for the row, rows = 0 where none is given, and their times, in ms
        since 1970. NaN is a missing value."""
        row = np.ascontiguousarray(row, np.float64)
        if row.shape != (len(self.inputs),):
            raise ValueError(f"a row has {len(self.inputs)} columns: {', '.join(self.inputs)}")
        predictions = np.empty((self.rows, len(self.outputs)))
        times = np.empty(self.rows, np.int64)
        count = self.lib.st_push(self.handle, row, int(time), predictions, times)
        if count < 0:
            raise RuntimeError(self.lib.st_error().decode())
        return predictions[:count], times[:count]

    def reset(self):
        """As if no row had come yet."""
        if self.lib.st_reset(self.handle) < 0:
            raise RuntimeError(self.lib.st_error().decode())

    def close(self):
        self.lib.st_free(self.handle)
        self.handle = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def milliseconds(text):
    """A time of a file: seconds since 1970, or ISO 8601, UTC where it names no zone."""
    try:
        return round(float(text) * 1000)
    except ValueError:
        time = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
        return round(time.replace(tzinfo=time.tzinfo or datetime.timezone.utc).timestamp() * 1000)


def read_csv(path, model):
    """Rows of a file with a header: (row, time) each."""
    with open(path, newline="") as file:
        for record in csv.DictReader(file):
            time = milliseconds(record["time"]) if model.timed else 0
            yield [float(record[name] or "nan") for name in model.inputs], time


def read_npy(path, model):
    """The same of an array."""
    for row in np.load(path, mmap_mode="r"):
        yield row[model.timed :], round(float(row[0]) * 1000) if model.timed else 0


def print_csv(model, answers):
    print(",".join((["time"] if model.timed else []) + model.outputs))
    for predictions, times in answers:
        for values, time in zip(predictions, times):
            fields = [f"{value:.9g}" for value in values]
            if model.timed:
                fields.insert(0, "" if time == NO_TIME else str(np.datetime64(int(time), "ms")) + "Z")
            print(",".join(fields))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="run folder or checkpoint")
    parser.add_argument("rows", help=".csv or .npy")
    parser.add_argument("-o", dest="output", help=".npy of predictions [rows, outputs]")
    parser.add_argument("-d", dest="device", help="auto, cpu, gpu, an index or a part of a name")
    args = parser.parse_args()
    with Model(args.run, args.device) as model:
        read = read_npy if args.rows.endswith(".npy") else read_csv
        answers = (model.push(*row) for row in read(args.rows, model))
        if args.output:
            np.save(args.output, np.concatenate([predictions for predictions, _ in answers]))
        else:
            print_csv(model, answers)


if __name__ == "__main__":
    main()
