#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes random data files of many kinds, reads each with pandas, told how, and with seqtrain's
print_table, told as little as its rules ask for, and compares times and values.

    reading.py build/tests/print_table [--files 500] [--seed 1]

A file that print_table refuses counts as refused, with its message; status 1 if any differs."""
import argparse
import collections
import datetime
import gzip
import io
import os
import random
import subprocess
import sys
import tempfile
import zoneinfo

import pandas as pd

ZONES = ["Europe/Berlin", "America/New_York", "Asia/Seoul", "Australia/Sydney"]
MISSING = ["", "NA", "N/A", "NaN", "null", "-", "?"]
# name, format of strftime, what data.time_format has to be told
FORMS = [
    ("iso", "%Y-%m-%d %H:%M:%S", None), ("iso-t", "%Y-%m-%dT%H:%M", None),
    ("iso-z", "%Y-%m-%dT%H:%M:%SZ", None), ("basic", "%Y%m%dT%H%M%S", None),
    ("slash", "%Y/%m/%d %H:%M", None), ("dots", "%d.%m.%Y %H:%M", "dmy"),
    ("dmy", "%d/%m/%Y %H:%M:%S", "dmy"), ("mdy", "%m/%d/%Y %I:%M:%S %p", "mdy"),
    ("named", "%d-%b-%Y %H:%M", None), ("english", "%b %d, %Y %I:%M %p", None),
    ("weekday", "%a, %d %b %Y %H:%M:%S", None), ("mt5", "%Y.%m.%d %H:%M:%S", None),
    ("digits14", "%Y%m%d%H%M%S", None), ("digits12", "%Y%m%d%H%M", None),
    ("pattern", "%d|%m|%Y_%H.%M.%S", "%d|%m|%Y_%H.%M.%S"), ("short", "%y-%m-%d %H:%M", "ymd"),
]
UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}


def number_text(x, style, decimals):
    """The text of x with the decimal sign and the thousands of a style."""
    sign, groups = style
    text = f"{x:{',' if groups else ''}.{decimals}f}"
    return text.translate(str.maketrans({",": groups or "", ".": sign}))


class File:
    """A random file: its text, and how to read it."""

    def __init__(self, r):
        self.r = r
        self.rows = r.randrange(3, 60)
        self.separator = r.choice(list(SEPARATORS))
        self.style = r.choice([(".", ""), (".", ""), (".", ","), (",", ""), (",", "."), (",", "'"), (".", " ")])
        self.columns = ["x", "y"]
        self.asked = []
        self.kind = []
        self.make_times()
        self.make_values()
        self.write()

    def make_times(self):
        r = self.r
        start = datetime.datetime(r.randrange(1972, 2037), r.randrange(1, 13), r.randrange(1, 28), r.randrange(24))
        step = r.choice([60, 300, 3600, 86400])
        local = [start + datetime.timedelta(seconds=step * i) for i in range(self.rows)]
        self.zone = None
        if r.random() < 0.6:
            name, form, told = r.choice(FORMS)
            self.texts = [t.strftime(form) for t in local]
            if r.random() < 0.3 and "z" not in name:
                self.zone = r.choice(ZONES)
                self.asked += ["time_zone=" + self.zone]
            self.asked += ["time_format=" + told] if told else []
            times = pd.to_datetime(pd.Series(self.texts), format=form)
            if self.zone:  # hours that clocks skip or show twice are left to the unit tests
                times = times.dt.tz_localize(self.zone, ambiguous="NaT", nonexistent="NaT")
            elif times.dt.tz is None:
                times = times.dt.tz_localize("UTC")
            self.kind.append(name)
        else:
            unit = r.choice(list(UNITS))
            seconds = [int((t - datetime.datetime(1970, 1, 1)).total_seconds()) for t in local]
            self.texts = [str(s * UNITS[unit]) for s in seconds]
            if r.random() < 0.7 and unit != "s" or min(seconds) < 10**9:
                self.asked += ["time_format=" + unit]
            times = pd.to_datetime(pd.Series([int(t) for t in self.texts]), unit=unit, utc=True)
            self.kind.append(unit)
        times = times.dt.tz_convert("UTC")
        self.times = [None if pd.isna(t) else t.value // 10**6 for t in times]

    def make_values(self):
        r = self.r
        decimals = r.choice([2, 3, 4])
        size = 10 ** r.randrange(0, 7)
        self.values = [[r.uniform(-size, size) for _ in self.columns] for _ in range(self.rows)]
        self.fields = [[number_text(x, self.style, decimals) for x in row] for row in self.values]
        self.missing = r.random() < 0.3
        self.word = r.choice(MISSING)
        if self.missing:
            self.asked += ["missing=skip"] + ["missing_values=" + m for m in MISSING[1:]]
            for row in self.fields[1:]:
                if r.random() < 0.2:
                    row[r.randrange(2)] = self.word
            self.kind.append("missing")

    def quote(self, text):
        always = self.r.random() < 0.1
        return f'"{text}"' if always or SEPARATORS[self.separator] in text else text

    def write(self):
        r = self.r
        order = r.choice(["rising", "rising", "falling", "sort"])
        index = list(range(self.rows))
        if order == "falling":
            index.reverse()
        elif order == "sort":
            r.shuffle(index)
            self.asked.append("order=sort")
        cut = SEPARATORS[self.separator]
        note = r.random() < 0.3
        lines = [cut.join(["t"] + self.columns + (["note"] if note else []))]
        for i in index:
            fields = [self.quote(self.texts[i])] + [self.quote(x) for x in self.fields[i]]
            lines.append(cut.join(fields + (['"two\nlines, ""here"""'] if note else [])))
        self.above = r.choice([0, 0, 0, 1, 2])
        above = ["# made at random"] * self.above
        self.below = r.choice([0, 0, 0, 1])
        self.asked += ["skip_footer=1"] if self.below else []
        below = ["Total: none"] * self.below
        end = r.choice(["\n", "\n", "\r\n"])
        text = end.join(above + lines + below) + (end if r.random() < 0.8 else "")
        self.encoding = r.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252"])
        self.asked += ["encoding=cp1252"] if self.encoding == "cp1252" else []
        self.bytes = text.encode(self.encoding)
        self.gzip = r.random() < 0.2
        self.kind += [self.separator, "decimal " + self.style[0], order, self.encoding] + ["gzip"] * self.gzip

    def expected(self):
        """What pandas makes of the file, {time: values}; rows with a missing value are left out."""
        sign, groups = self.style
        frame = pd.read_csv(
            io.BytesIO(self.bytes), sep=SEPARATORS[self.separator], encoding=self.encoding,
            skiprows=self.above, skipfooter=self.below, decimal=sign, thousands=groups or None,
            na_values=MISSING, keep_default_na=False, engine="python", dtype={"t": str})
        place = {text: time for text, time in zip(self.texts, self.times)}
        frame["ms"] = [place[t] for t in frame["t"]]
        frame = frame.dropna(subset=self.columns)
        return {row.ms: (float(row.x), float(row.y)) for row in frame.itertuples()}


def read(program, file):
    name = "f.csv.gz" if file.gzip else "f.csv"
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, name)
        with open(path, "wb") as out:
            out.write(gzip.compress(file.bytes, mtime=0) if file.gzip else file.bytes)
        done = subprocess.run([program, path, "time=t", "want=x", "want=y"] + file.asked, capture_output=True, text=True)
    if done.returncode:
        return None, done.stderr.replace(path, name).strip()
    rows = [line.split(",") for line in done.stdout.splitlines() if not line.startswith("#")]
    return {int(row[0]): (float(row[1]), float(row[2])) for row in rows}, len(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    same = differ = passed = 0
    refused = collections.Counter()
    for i in range(asked.files):
        file = File(random.Random(f"{asked.seed}-{i}"))
        if None in file.times:
            passed += 1
            continue
        wanted = file.expected()
        got, rows = read(asked.program, file)
        if got is None:
            refused[rows.split(": ", 1)[-1][:60]] += 1
            print(f"refused {i} {file.kind} {file.asked}: {rows}")
        elif got != wanted or rows != len(wanted):
            differ += 1
            print(f"DIFFERS {i} {file.kind} {file.asked}: {rows} rows, pandas {len(wanted)}", sorted(set(got.items()) ^ set(wanted.items()))[:4])
        else:
            same += 1
    print(f"{same} same, {differ} differ, {sum(refused.values())} refused, {passed} passed over")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
