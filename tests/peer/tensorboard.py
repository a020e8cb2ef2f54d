#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Event files of log.tensorboard against TensorBoard itself (tried with tensorboard 2.21.0).

    tensorboard.py build/seqtrain configs/demo.ini [--kills 10] [--seed 1]
    tensorboard.py --golden > tests/golden/events.tfevents

A run is trained undisturbed; another one is killed again and again (SIGKILL) and resumed, with a part of a
record left at the end of its file. Two TensorBoards look on all the time, one with the data server, one with
the reader in Python; a third reader, EventAccumulator, reads the folder afresh after each kill. Each must see
steps that rise, and in the end the same figures, histograms and pictures as of the undisturbed run. Then:
histograms of weights against the checkpoint, of gradients against the gradient norm, and the hyperparameters
of a sweep as the HPARAMS tab gets them. Status 1 if anything differs.

--golden writes the events of tests/test_tensorboard.c, by TensorBoard's own messages."""

import argparse
import json
import math
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

sys.path = [p for p in sys.path if os.path.abspath(p or ".") != os.path.dirname(os.path.abspath(__file__))]

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto import event_pb2, summary_pb2, types_pb2
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

RUN = "run"


def check(good, what):
    print("ok  " if good else "FAIL", what, flush=True)
    check.failed |= not good


check.failed = False


# --- the golden file


def png():
    """The shortest picture: head and size are all that is looked at."""
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBBI", 13, b"IHDR", 640, 480, 8, 2, 0, 0, 0, 0)


def golden(out):
    events = []

    def event(ms, step):
        events.append(event_pb2.Event(wall_time=ms / 1000, step=step))
        return events[-1]

    event(1600000000123, 0).file_version = "brain.Event:2"
    event(1600000000123, 0).session_log.status = event_pb2.SessionLog.START
    start = plugin_data_pb2.HParamsPluginData()
    start.session_start_info.start_time_secs = 1600000000.123
    start.session_start_info.hparams["data.time"].bool_value = True
    start.session_start_info.hparams["train.lr"].number_value = 0.0005
    start.session_start_info.hparams["vars.coin"].string_value = "BTC"
    summary = event(1600000000123, 0).summary
    hparams(summary.value.add(), "_hparams_/session_start_info", start)
    text = summary.value.add(tag="config")
    text.metadata.plugin_data.plugin_name = "text"
    text.metadata.data_class = summary_pb2.DATA_CLASS_TENSOR
    text.tensor.dtype = types_pb2.DT_STRING
    text.tensor.tensor_shape.SetInParent()
    text.tensor.string_val.append(b"    [train]\n    lr = 5e-4\n")
    values = [-1.5, 0.25, 2.0, 0.5, 1.75]
    count, edges = np.histogram(values, bins=30)
    event(1600000001500, 7).summary.value.add(tag="weights/a").histo.CopyFrom(
        summary_pb2.HistogramProto(min=-1.5, max=2, num=5, sum=3, sum_squares=sum(x * x for x in values),
                                   bucket_limit=edges[1:], bucket=count))
    summary = event(1600000002000, 7).summary
    for tag, x in ("run/epoch", 1), ("train/loss", 0.75), ("val/loss", 1.5), ("run/lr", 0.0005), ("telemetry/power", 0):
        summary.value.add(tag=tag, simple_value=x)
    event(1600000003000, 7).session_log.status = event_pb2.SessionLog.STOP
    event(1600000003000, 7).summary.value.add(tag="loss_curves").image.CopyFrom(
        summary_pb2.Summary.Image(height=480, width=640, colorspace=3, encoded_image_string=png()))
    end = plugin_data_pb2.HParamsPluginData()
    end.session_end_info.status = 1
    end.session_end_info.end_time_secs = 1600000004
    summary = event(1600000004000, 7).summary
    summary.value.add(tag="run/best", simple_value=1.5)
    summary.value.add(tag="run/best_epoch", simple_value=1)
    hparams(summary.value.add(), "_hparams_/session_end_info", end)
    writer = RecordWriter(out)
    for e in events:
        writer.write(e.SerializeToString(deterministic=True))
    writer.flush()


def hparams(value, tag, content):
    value.tag = tag
    value.metadata.plugin_data.plugin_name = "hparams"
    value.metadata.plugin_data.content = content.SerializeToString(deterministic=True)
    value.metadata.data_class = summary_pb2.DATA_CLASS_TENSOR
    value.tensor.dtype = types_pb2.DT_FLOAT
    value.tensor.tensor_shape.dim.add(size=1)
    value.tensor.float_val.append(0)


# --- TensorBoard as a user has it


class Board:
    def __init__(self, folder, fast):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.name = "data server" if fast else "Python reader"
        self.process = subprocess.Popen(
            [os.path.join(os.path.dirname(sys.executable), "tensorboard"), "--logdir", folder, "--port", str(self.port),
             "--reload_interval", "1", "--load_fast", "true" if fast else "false",
             "--samples_per_plugin", "scalars=100000,histograms=100000,images=100"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.time() + 60
        while time.time() < until:
            try:
                self.get("environment")
                return
            except OSError:
                time.sleep(0.2)
        raise SystemExit("TensorBoard does not answer")

    def get(self, what, body=None, **query):
        url = f"http://127.0.0.1:{self.port}/data/{what}?" + urllib.parse.urlencode(query)
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30) as f:
            return json.load(f)

    def tags(self, plugin):
        return self.get(f"plugin/{plugin}/tags").get(RUN, {})

    def read(self, plugin, tag):
        """(step, value) of a scalar or histogram."""
        return [(p[1], p[2]) for p in self.get(f"plugin/{plugin}/{plugin}", tag=tag, run=RUN)]

    def scalars(self):
        return {tag: self.read("scalars", tag) for tag in self.tags("scalars")}

    def histograms(self):
        return {tag: self.read("histograms", tag) for tag in self.tags("histograms")}

    def images(self):
        return {tag: [p["step"] for p in self.get("plugin/images/images", tag=tag, run=RUN, sample=0)]
                for tag in self.tags("images")}

    def end(self):
        self.process.terminate()
        self.process.wait()


def rises(series):
    """Whether no series has a step twice or a step back."""
    return all(all(a[0] < b[0] for a, b in zip(points, points[1:])) for points in series.values())


def accumulate(folder):
    ea = EventAccumulator(folder, size_guidance={"scalars": 0, "histograms": 0, "images": 0, "tensors": 0})
    ea.Reload()
    return ea


def scalars_of(ea):
    return {tag: [(e.step, e.value) for e in ea.Scalars(tag)] for tag in ea.Tags()["scalars"]}


def histograms_of(ea):
    return {tag: [(e.step, e.histogram_value) for e in ea.Histograms(tag)] for tag in ea.Tags()["histograms"]}


def images_of(ea):
    return {tag: [e.step for e in ea.Images(tag)] for tag in ea.Tags()["images"]}


# --- runs


def command(a, folder, *settings):
    own = ["log.tensorboard=yes", "train.epochs=8", "log.every=7 steps", "train.checkpoint=10 steps", "run.name=x",
           "plots.enable=loss_curves", *settings]
    return [a.seqtrain, "-q", "-c", a.config, "-o", folder] + [x for s in own for x in ("-s", s)]


def train(a, folder, *settings):
    subprocess.run(command(a, folder, *settings), check=True)


def event_files(folder):
    return sum("tfevents" in f for f in os.listdir(folder))


def latest(folder):
    return os.path.join(folder, max(f for f in os.listdir(folder) if "tfevents" in f))


def has_steps(folder):
    with open(latest(folder), "rb") as f:
        return b"steps/" in f.read()


def tear(folder, rng):
    """As if a record had been written by half."""
    with open(latest(folder), "r+b") as f:
        part = f.read(rng.randint(1, 36))  # the first record is longer
        f.seek(0, os.SEEK_END)
        f.write(part)


def kill_and_resume(a, folder, boards, rng):
    kills, furthest = 0, 0
    while True:
        before = event_files(folder)
        p = subprocess.Popen(command(a, folder) + ["--resume"])
        while (event_files(folder) == before or not has_steps(folder)) and p.poll() is None:
            time.sleep(0.05)
        try:
            p.wait(rng.uniform(0, 1) if kills < a.kills else None)
        except subprocess.TimeoutExpired:
            p.send_signal(signal.SIGKILL)
            p.wait()
            kills += 1
        else:
            if p.returncode:
                raise SystemExit(f"the run ended with {p.returncode}")
            break
        if rng.random() < 0.5:
            tear(folder, rng)
        ea = accumulate(folder)
        steps = [s for points in scalars_of(ea).values() for s, _ in points]
        good = rises(scalars_of(ea)) and rises(histograms_of(ea))
        check(good, f"kill {kills}: a fresh reader, to step {max(steps, default=0)}")
        time.sleep(1.5)
        for b in boards:
            check(rises(b.scalars()), f"kill {kills}: {b.name}")
        furthest = max(steps + [furthest])
    check(furthest > 0, f"{kills} kills, until step {furthest}; {event_files(folder)} event files")


# What the device's bits decide.
EXACT = ("train/", "val/", "test/", "run/lr", "run/grad_norm", "run/best", "run/epoch", "steps/epoch", "steps/lr")


def differs(a, b):
    """The first difference of two readings."""
    for tag in sorted(a.keys() | b.keys()):
        if tag.startswith(EXACT) and a.get(tag) != b.get(tag):
            x, y = dict(a.get(tag, [])), dict(b.get(tag, []))
            return f"{tag}: " + ", ".join(f"{s}: {x.get(s)} {y.get(s)}" for s in sorted(x.keys() | y.keys())
                                         if x.get(s) != y.get(s))[:200]
    return ""


def same(a, b):
    far = differs(a, b)
    if far:
        print("    ", far)
    return not far


def compare(a, root, rng):
    whole, folder = os.path.join(root, "whole"), os.path.join(root, "killed", RUN)
    train(a, whole)
    os.makedirs(folder)
    boards = [Board(os.path.dirname(folder), fast) for fast in (True, False)]
    try:
        kill_and_resume(a, folder, boards, rng)
        want, got = accumulate(whole), accumulate(folder)
        check(len(scalars_of(want)) > 20, f"{len(scalars_of(want))} scalars, {len(histograms_of(want))} histograms")
        check(same(scalars_of(want), scalars_of(got)), "a fresh reader: scalars of the undisturbed run")
        check(histograms_of(want) == histograms_of(got), "a fresh reader: its histograms")
        check(images_of(want) == images_of(got) and images_of(got), "a fresh reader: its pictures")
        time.sleep(8)
        fresh = [Board(os.path.dirname(folder), fast) for fast in (True, False)]
        boards += fresh
        time.sleep(8)
        for b in boards:
            name = b.name + (", started afterwards" if b in fresh else ", looking on")
            check(rises(b.scalars()) and same(scalars_of(want), b.scalars()), f"{name}: scalars")
            check(rises(b.histograms()) and b.histograms().keys() == histograms_of(want).keys() and
                  all([s for s, _ in p] == [s for s, _ in histograms_of(want)[t]] for t, p in b.histograms().items()),
                  f"{name}: histograms")
            check(b.images() == images_of(want), f"{name}: pictures")
            text = b.get("plugin/text/text", tag="config", run=RUN)
            check("batch" in text[0]["text"], f"{name}: the configuration")
    finally:
        for b in boards:
            b.end()


# --- figures


def read_safetensors(path):
    with open(path, "rb") as f:
        head = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    return {name: np.frombuffer(data[t["data_offsets"][0]:t["data_offsets"][1]], "<f4")
            for name, t in head.items() if name != "__metadata__" and t["dtype"] == "F32"}


def weights(a, root):
    whole = os.path.join(root, "weights")
    train(a, whole, "train.epochs=2")
    tensors, wrong, count = read_safetensors(os.path.join(whole, "last.safetensors")), [], 0
    for tag, points in histograms_of(accumulate(whole)).items():
        if not tag.startswith("weights/"):
            continue
        x, h = tensors[tag[len("weights/"):]].astype(float), points[-1][1]
        n = np.histogram(x, bins=30)[0] if x.min() < x.max() else [len(x)]
        good = h.min == x.min() and h.max == x.max() and h.num == len(x) and math.isclose(
            h.sum_squares, (x * x).sum(), rel_tol=1e-9, abs_tol=1e-12)
        # a value within rounding of an edge may be on either side
        good = good and np.abs(np.cumsum(h.bucket) - np.cumsum(n)).max() <= 1e-3 * len(x) + 1
        count += 1
        if not good:
            wrong.append(tag)
    check(count and not wrong, f"histograms of {count} weights as in last.safetensors {wrong}")


def gradients(a, root):
    """An epoch of one step: its gradient norm is that of the gradients."""
    for more in [], ["train.precision=fp16"], ["train.precision=bf16"]:
        folder = os.path.join(root, "one" + "".join(more))
        train(a, folder, "train.batch=100000", "train.epochs=3", "data.stride=20", *more)
        ea = accumulate(folder)
        norm = dict(scalars_of(ea)["run/grad_norm"])
        square = {}
        for tag, points in histograms_of(ea).items():
            for step, h in points:
                if tag.startswith("gradients/"):
                    square[step] = square.get(step, 0) + h.sum_squares
        far = max(abs(math.sqrt(square[s]) / norm[s] - 1) for s in norm)
        check(len(norm) == 3 and far < 1e-4, f"gradients {more}: their norm within {far:.1e}")


SWEEP = """
[sweep]
output = %s
train.lr = 1e-3, 3e-3
vars.width = 16, 32
[vars]
width = 16
"""


def sweep(a, root):
    folder, file = os.path.join(root, "sweep"), os.path.join(root, "sweep.ini")
    with open(a.config) as f, open(file, "w") as out:
        text = "\n".join(x for x in f.read().split("\n") if not x.startswith(("source", "output", "d_model")))
        out.write(text.replace("[model]", "[model]\nd_model = ${vars.width}"))
        out.write(SWEEP % folder)
    source = os.path.join(os.path.dirname(os.path.abspath(a.config)), "data/synthetic_candles.csv.gz")
    subprocess.run([a.seqtrain, "sweep", "-q", "-c", file, "-s", f"data.source={source}", "-s", "log.tensorboard=yes",
                    "-s", "train.epochs=2", "-s", "data.stride=20", "-s", "plots.enable=none"],
                   check=True, stdout=subprocess.DEVNULL)
    for fast in True, False:
        b = Board(folder, fast)
        time.sleep(8)
        try:
            experiment = b.get("plugin/hparams/experiment", {"experimentName": ""})
            names = sorted(h["name"] for h in experiment["hparamInfos"])
            metrics = {m["name"]["tag"] for m in experiment["metricInfos"]}
            check(names == ["train.lr", "vars.width"], f"{b.name}: hyperparameters {names}")
            check({"run/best", "val/loss"} <= metrics, f"{b.name}: metrics")
            groups = b.get("plugin/hparams/session_groups", {
                "startIndex": 0, "sliceSize": 100, "colParams": [{"metric": {"tag": "run/best", "group": ""}}],
                "allowedStatuses": ["STATUS_SUCCESS"]})["sessionGroups"]
            points = sorted((g["hparams"]["train.lr"], g["hparams"]["vars.width"]) for g in groups)
            check(points == [(0.001, 16), (0.001, 32), (0.003, 16), (0.003, 32)], f"{b.name}: runs {points}")
        finally:
            b.end()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("seqtrain", nargs="?")
    p.add_argument("config", nargs="?")
    p.add_argument("--kills", type=int, default=10)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--part", choices=["kills", "figures", "sweep"], help="only this part")
    p.add_argument("--golden", action="store_true")
    a = p.parse_args()
    if a.golden:
        golden(sys.stdout.buffer)
        return 0
    root = tempfile.mkdtemp()
    try:
        if a.part in (None, "kills"):
            compare(a, root, random.Random(a.seed))
        if a.part in (None, "figures"):
            weights(a, root)
            gradients(a, root)
        if a.part in (None, "sweep"):
            sweep(a, root)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return check.failed


if __name__ == "__main__":
    sys.exit(main())
