# SPDX-License-Identifier: MIT
"""Models that `seqtrain export --format onnx` writes, in onnxruntime against the predictions of
seqtrain itself, for every shipped configuration, trained for a step or two.

    python tests/peer/onnx_export.py build/seqtrain configs [NAME ...]

Needs onnx, onnxruntime and numpy; for the language models torch and safetensors as well, for these
are held against the twin that a run folder gets as model.py. The rows come from
`seqtrain data --features`. Prints the largest difference of each output, in standard deviations of
the target, and fails where one is above 1e-5. Models with targets are written with `--format c` as
well: the file is compiled as strict C99 and run, where it checks itself against predictions of
seqtrain that it holds, to the same limit."""
import csv
import os
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime

MOST = 1e-5
SHORT = ["train.epochs=1", "train.steps=2", "train.batch=16", "train.accumulate=1",
         "train.evaluate_batch=16", "plots.enable=loss_curves", "cluster.categories=5"]
CASES = {  # configuration and what it is run with
    "autoencoder": ("autoencoder", ["data.stride=200"]),
    "demo": ("demo", ["data.stride=200"]),
    "relative": ("demo", ["data.stride=200", "data.scaler=relative(close)"]),
    "minmax": ("demo", ["data.stride=200", "data.scaler=minmax", "model.positions=sinusoidal",
                        "model.norm_first=no", "model.normalize_latent=no"]),
    "apart": ("demo", ["data.stride=200", "data.channels=apart"]),
    "stocks1": ("stocks1", ["data.stride=40"]),
    "stocks2": ("stocks2", ["data.stride=40"]),
    "stocks3": ("stocks3", ["data.stride=40"]),
    "attention head": ("stocks1", ["data.stride=40", "model.head=attention", "model.cell=rnn",
                                   "model.layer_norm=no", "model.bidirectional=yes"]),
    "mean head": ("stocks2", ["data.stride=40", "model.head=mean", "model.attention_layers=1",
                              "model.heads=4"]),
    "last, both ways": ("stocks1", ["data.stride=40", "model.head=last", "model.layer_norm=no",
                                    "model.bidirectional=yes"]),
    "norms, both ways": ("stocks1", ["data.stride=40", "model.bidirectional=yes"]),
    "batch norm": ("stocks3", ["data.stride=40", "model.conv_norm=batch",
                               "model.activation=rrelu"]),
    "signed log": ("stocks1", ["data.stride=40", "data.target_transform=signed_log, standard"]),
    "power": ("stocks1", ["data.stride=40", "data.target_transform=power(0.5), scale(-1,1)"]),
    "rises": ("stocks1", ["data.stride=40", "data.targets=rise_probability(Close,5)",
                          "data.target_transform=none", "loss.target=bce"]),
    "each": ("stocks1", ["data.stride=40", "data.target_rows=each"]),
    "amplifier": ("amplifier", ["data.stride=40"]),
    "amplifier, lstm": ("amplifier", ["data.stride=40", "model.cell=lstm", "model.layers=2"]),
    "dgru": ("amplifier", ["data.stride=40", "model.type=dgru"]),
    "amplifier_search": ("amplifier_search", ["data.stride=40"]),
    "amplifier_tcn": ("amplifier_tcn", ["data.stride=40"]),
    "amplifier_transformer": ("amplifier_transformer", ["data.stride=40"]),
    "grouped": ("amplifier_transformer", ["data.stride=40", "model.kv_heads=2",
                                          "model.norm=rms", "model.positions=sinusoidal"]),
    "etth1": ("etth1", ["data.stride=40"]),
    "fleet": ("fleet", ["data.stride=400", "model.hidden=64", "model.layers=2"]),
    "language": ("language", []),
    "llama": ("language", ["model.shape=llama", "model.kv_heads=2"]),
    "qwen3": ("language", ["model.shape=qwen3"]),
    "captions": ("captions", ["caption.samples=0"]),
    "captions, queries": ("captions", ["caption.samples=0", "model.projector=queries",
                                       "model.queries=4"]),
}


def seqtrain(*words):
    done = subprocess.run([PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, text=True)
    if done.returncode:
        sys.exit(f"seqtrain {' '.join(words)}: {done.stderr}")
    return done.stdout


def configuration(name, folder):
    """The file of a configuration; stocks2 is stocks.ini with its second model."""
    path = os.path.join(CONFIGS, name + ".ini")
    if not name.startswith("stocks"):
        return path
    number, kept, at, on = int(name[6:]), [], 0, False
    with open(os.path.join(CONFIGS, "stocks.ini")) as lines:
        for line in lines:
            plain = line[2:] if line.startswith("; ") else line
            if plain.startswith("[model]"):
                at, on = at + 1, True
            elif line.startswith("["):
                on = False
            if not on:
                kept.append(line)
            elif at == number:
                kept.append(plain)
    path = os.path.join(folder, name + ".ini")
    with open(path, "w") as out:
        out.writelines(kept)
    if not os.path.exists(os.path.join(folder, "data")):
        os.symlink(os.path.join(CONFIGS, "data"), os.path.join(folder, "data"))
    return path


def table(path):
    with open(path, newline="") as f:
        lines = csv.reader(f)
        names = next(lines)
        rows = list(lines)
    return names, rows


def key_of(path, section, key, otherwise):
    with open(path) as f:
        text = f.read()
    inside = re.search(rf"^\[{section}\]$(.*?)(^\[|\Z)", text, re.M | re.S)
    found = inside and re.search(rf"^{key} *= *(.*)$", inside.group(1), re.M)
    return found.group(1).strip() if found else otherwise


def features_of(run, folder):
    """By series: features [rows, F] by the row's number, and the names."""
    path = os.path.join(folder, "features.csv")
    seqtrain("data", "--features", "-m", run, "-o", path)
    names, rows = table(path)
    at = names.index("row")
    series = names.index("series") if "series" in names else None
    by = {}
    for row in rows:
        name = row[series] if series is not None else ""
        by.setdefault(name, {})[int(row[at])] = [float(x) for x in row[at + 1:]]
    return by, names[at + 1:]


def windows_of(features, starts, window):
    return np.array([[features[s + i] for i in range(window)] for s in starts], np.float32)


def in_batches(session, x, size=64):
    parts = [session.run(None, {"input": x[i:i + size]}) for i in range(0, len(x), size)]
    return [np.concatenate(p) for p in zip(*parts)]


def predictions_of(run, folder, features, targets):
    """By series: {(row, ahead): predictions}, channels put side by side, and actual values."""
    path = os.path.join(folder, "predictions.csv")
    seqtrain("predict", "-m", run, "-o", path)
    names, rows = table(path)
    at, ahead = names.index("row"), names.index("ahead") if "ahead" in names else None
    series = names.index("series") if "series" in names else None
    first = (ahead if ahead is not None else at) + 1
    count = (len(names) - first) // 2
    channel = {": " + n: i for i, n in enumerate(features)} if names[first] == "channel" else {}
    by, actual = {}, []
    for row in rows:
        name, c = row[series] if series is not None else "", 0
        for ending, number in channel.items():
            if name.endswith(ending):
                name, c = name[:-len(ending)], number
        key = int(row[at]), int(row[ahead]) if ahead is not None else 1
        to = by.setdefault(name, {}).setdefault(key, [np.nan] * max(targets, count))
        for k in range(count):
            to[c + k] = float(row[first + k])
        values = [float(x) if x else np.nan for x in row[first + count:first + 2 * count]]
        actual.append((c, values))
    spread = np.array([np.nanstd([v[k] for c, v in actual if not channel or c == j])
                       for j, k in ([(c, 0) for c in channel.values()] if channel else
                                    [(0, k) for k in range(count)])])
    return by, spread


def one_series(by, name):
    return by[name] if name in by else by[""] if len(by) == 1 and "" in by else next(
        iter(by.values())) if len(by) == 1 else by[name]


def hold_targets(session, run, folder):
    ini = os.path.join(run, "config.ini")
    window, horizon = int(key_of(ini, "data", "window", "0")), int(key_of(ini, "data", "horizon", "1"))
    by, names = features_of(run, folder)
    outputs = session.get_outputs()[0].shape
    wanted, spread = predictions_of(run, folder, names, outputs[2])
    worst = np.zeros(len(spread))
    compared = 0
    many = key_of(ini, "data", "target_rows", "horizon")
    for name, values in wanted.items():
        rows = one_series(by, name)
        starts = sorted({r - a - window + 1 if many == "each" else r - window - horizon + 1
                         for r, a in values})
        starts = [s for s in starts if all(s + i in rows for i in (0, window - 1))]
        y = in_batches(session, windows_of(rows, starts, window))[0]
        for s, got in zip(starts, y):
            for ahead in range(got.shape[0]):
                row = s + window + ahead if many == "each" else s + window - 1 + horizon
                want = values[row, ahead + 1 if many == "each" else 1]
                worst = np.maximum(worst, np.abs(np.array(want) - got[ahead]) / spread)
                compared += 1
    return worst, compared


def hold_rows(session, run, folder, streamed):
    """A target for each row: windows of eval_window, or all rows where the state goes on."""
    ini = os.path.join(run, "config.ini")
    window = int(key_of(ini, "data", "eval_window", "0")) or int(key_of(ini, "data", "window", "0"))
    by, names = features_of(run, folder)
    wanted, spread = predictions_of(run, folder, names, 2)
    worst, compared = np.zeros(len(spread)), 0
    for name, values in wanted.items():
        rows = one_series(by, name)
        count = len(rows) // window * window
        x = windows_of(rows, [0], count)
        if streamed is None:
            y = session.run(None, {"input": x.reshape(-1, window, x.shape[2])})[0]
            y = y.reshape(count, -1)
        else:
            y = session.run(None, {"input": x})[0][0]
            worst = np.maximum(worst, stream(streamed, x[:, :3000], y[:3000]) / spread)
        for row in range(count):
            worst = np.maximum(worst, np.abs(np.array(values[row, 1]) - y[row]) / spread)
            compared += 1
    return worst, compared


def stream(session, x, want):
    """The same rows in pieces, with the state handed on."""
    shape = session.get_inputs()[1].shape
    state, at, parts = np.zeros((shape[0], 1, shape[2]), np.float32), 0, []
    for size in [1, 1, 1, 7, 90] + [500] * 10:
        piece = x[:, at:at + size]
        if piece.shape[1]:
            y, state = session.run(None, {"input": piece, "state": state})
            parts.append(y[0])
            at += piece.shape[1]
    return np.abs(np.concatenate(parts) - want).max(axis=0)


def hold_windows(session, run, folder):
    """Reconstructions, in standard deviations of the feature or, if larger, of what the model makes
    of it, and latent vectors."""
    path = os.path.join(folder, "predictions.csv")
    window = int(key_of(os.path.join(run, "config.ini"), "data", "window", "0"))
    by, names = features_of(run, folder)
    seqtrain("predict", "-m", run, "-o", path)
    head, rows = table(path)
    at = head.index("row")
    is_apart = head[at + 1:] == ["channel"]
    want = np.array([[float(v) for v in r[at + 1:]] for r in rows], np.float64)
    want = want.reshape(-1, window, want.shape[1])
    starts = [int(rows[i][at]) for i in range(0, len(rows), window)]
    features = one_series(by, "")
    if is_apart:  # the series of the channels lie behind each other
        each = len(want) // len(names)
        want = np.stack([want[c * each:(c + 1) * each, :, 0] for c in range(len(names))], 2)
        starts = starts[:each]
    x = windows_of(features, starts, window)
    y, z = in_batches(session, x)
    spread = np.array([[features[r][f] for r in features] for f in range(len(names))]).std(axis=1)
    spread = np.maximum(spread, want.std(axis=(0, 1)))
    worst = (np.abs(want - y) / spread).max(axis=(0, 1))
    text = seqtrain("encode", "-m", run).splitlines()
    lines = list(csv.reader(text))
    first = lines[0].index("z0")
    count = z.shape[-1]
    latent = np.array([[float(v) for v in r[first:first + count]] for r in lines[1:]])
    z = z.transpose(1, 0, 2).reshape(-1, count) if is_apart else z
    far = np.abs(latent - z).max() / latent.std()
    return np.append(worst, far), len(starts)


def hold_tokens(session, run):
    """Logits against those of the PyTorch twin."""
    import importlib.util
    import torch
    spec = importlib.util.spec_from_file_location("model", os.path.join(run, "model.py"))
    twin = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(twin)
    weights = os.path.join(run, "best.safetensors")
    if key_of(os.path.join(run, "config.ini"), "adapter", "r", "0") != "0":
        weights = os.path.join(run, "merged.safetensors")
        seqtrain("merge", "-m", run, "-o", weights)
    model = twin.load(weights)[0]
    rng = np.random.default_rng(1)
    count, worst = 0, 0
    vocabulary = session.get_outputs()[0].shape[2]
    window = int(key_of(os.path.join(run, "config.ini"), "data", "window", "0"))
    for rows in (window, window // 2, 1):
        inputs = {"tokens": rng.integers(0, vocabulary, (5, rows))}
        if len(session.get_inputs()) > 1:
            clip = session.get_inputs()[1].shape
            inputs["clip"] = rng.standard_normal((5, *clip[1:])).astype(np.float32)
        tokens, got = inputs["tokens"], session.run(None, inputs)[0]
        with torch.no_grad():
            want = model(*(torch.from_numpy(x) for x in inputs.values())).numpy()
        worst = max(worst, np.abs(got - want).max() / want.std())
        count += tokens.size
    return np.array([worst]), count


def checked(path):
    onnx.checker.check_model(onnx.load(path), full_check=True)
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def hold_c(run, folder):
    """What the C file of the model says of itself."""
    path, program = os.path.join(folder, "model.c"), os.path.join(folder, "check")
    seqtrain("export", "-m", run, "--format", "c", "-o", path)
    subprocess.run([os.environ.get("CC", "cc"), "-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic",
                    "-DSEQTRAIN_MAIN", "-o", program, path, "-lm"], check=True)
    done = subprocess.run([program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = done.stdout.strip().splitlines()
    return done.returncode == 0, said[-1] if said else ""


def hold(name, folder):
    base, settings = CASES[name]
    run, path = os.path.join(folder, "run"), os.path.join(folder, "model.onnx")
    words = [w for s in SHORT + settings for w in ("-s", s)]
    if base == "language":
        words += ["-s", "train.evaluate=1 steps"]
    if base == "fleet":
        words += ["-s", f"vars.candles={CONFIGS}/data/synthetic_candles.csv.gz"]
    seqtrain("-q", "-c", configuration(base, folder), "-o", run, "--overwrite", *words)
    seqtrain("export", "-m", run, "--format", "onnx", "-o", path)
    session = checked(path)
    names = [i.name for i in session.get_inputs()]
    if names[0] == "tokens":
        return hold_tokens(session, run)
    if len(session.get_outputs()) > 1:
        return hold_windows(session, run, folder)
    if session.get_inputs()[0].shape[1] != "rows":
        return hold_targets(session, run, folder)
    streamed = None
    if key_of(os.path.join(run, "config.ini"), "model", "type", "") in ("recurrent", "dgru"):
        seqtrain("export", "-m", run, "--format", "onnx", "--state", "-o", path)
        streamed = checked(path)
    return hold_rows(session, run, folder, streamed)


if __name__ == "__main__":
    PROGRAM, CONFIGS = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    failed = 0
    for name in sys.argv[3:] or CASES:
        with tempfile.TemporaryDirectory() as folder:
            worst, count = hold(name, folder)
            run = os.path.join(folder, "run")
            kind = key_of(os.path.join(run, "config.ini"), "model", "type", "")
            if kind not in ("language", "captioner", "autoencoder"):
                is_right, said = hold_c(run, folder)
                failed += not is_right
                print(f"{'ok' if is_right else 'FAR':3} {name}, in C: {said}", flush=True)
        failed += not worst.max() <= MOST
        shown = " ".join(f"{x:.1e}" for x in worst[:8])
        print(f"{'ok' if worst.max() <= MOST else 'FAR':3} {name:22} {count:7} {shown}", flush=True)
    sys.exit(failed > 0)
