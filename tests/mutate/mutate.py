#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Mutation testing: changes one place of the source at a time and looks whether a test fails.
#
#   mutate.py [--srcdir DIR] [--work DIR] [--seed N --count N] [--again] [--sanitizers] [--own]
#             [--budget SECONDS] [--only REGEX]
#
# The list of mutants and of what became of them is outcomes.tsv, beside this file. If it is not
# there, --count places are drawn with --seed: lines of functions, all equally likely, then one of
# the operators that a line offers, then a place. Each mutant without an outcome is tried, so the
# tool goes on where it stopped; when all have one, others are drawn in place of those that could
# not be tried, until --count were. --again tries those again that survived, --sanitizers tries
# these in a tree with AddressSanitizer, where a leak or a read out of bounds fails a test too.
# --own leaves out the tests of the command line.
#
# A mutant is named by file, function and text of its line, so that it is found again when the file
# has changed elsewhere. One that is not found is "gone". "equivalent" is one that the compiler
# makes the same object code of.
#
# The tests run in a tree of their own, below --work: first those of the module, the shortest first,
# then the short tests of the command line, until BUDGET seconds of processor time are used up.
import argparse
import json
import os
import random
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import time

BUDGET = 60  # seconds of processor time for the tests of one mutant, unless --budget says another
# What a compiler of today refuses is refused here too: swapped arguments of different types.
FLAGS = "-O1 -Werror=incompatible-pointer-types -Werror=int-conversion"
FOLDERS = ("train", "data", "ir", "lower", "exec", "params", "ops", "analysis", "config")
COLUMNS = ("file", "function", "text", "nth", "at", "was", "becomes", "operator", "outcome", "by")

# The tests of a module, the short ones first: a pattern of its files, and programs below tests/, a
# few with a pattern of the tests in them that are run. The first that fits.
MODULES = (
    ("analysis/(distribution|kmeans|normality|regression|tsne|verdict)", r"test_\1"),
    ("analysis/(fft|signal)", "test_signal"),
    ("analysis/points", "test_tsne, test_kmeans"),
    ("config/", "fuzz_config, test_config, test_cli_errors.sh"),
    ("data/(condition|transform)", r"test_\1, test_dataset, test_series"),
    ("data/cache", "test_dataset, test_cache"),
    ("data/(csv|table|rows|instant)", "test_dataset, test_csv, test_cache"),
    ("data/split", "test_split, test_dataset, test_series"),
    ("data/feature", "test_features, test_series"),
    ("data/", "test_dataset, test_series"),
    ("ir/", "test_launches, test_compose, test_plan, test_ops linear*, test_ops norm*, test_ops, "
            "test_golden"),
    ("lower/layers", "test_layers, test_compose, test_golden"),
    ("lower/", "test_plan, test_launches, test_compose, test_ops linear*, test_ops recurrent*, "
               "test_ops, test_golden, test_engine"),
    ("exec/", "test_launches, test_ops linear*, test_ops, test_engine"),
    ("params/", "test_plan, test_launches, test_ops linear*, test_ops recurrent*, test_ops, "
                "test_engine"),
    ("ops/batch_norm", "test_launches, test_ops batch*, test_ops, test_golden"),
    ("ops/conv", "test_launches, test_ops max_pool*, test_ops conv*, test_ops, test_golden"),
    ("ops/concat", "test_launches, test_ops join*, test_ops I/Q*, test_ops, test_golden"),
    ("ops/contrastive", "test_launches, test_ops nt_xent*, test_ops similarity*, test_ops"),
    ("ops/unit", "test_launches, test_ops latent*, test_ops"),
    ("ops/norm", "test_launches, test_compose, test_ops norm*, test_ops, test_golden"),
    ("ops/optimizer", "test_launches, test_ops adamw*, test_ops loss_sum*, test_ops, test_golden"),
    ("ops/reduce", "test_launches, test_ops sum_rows*, test_ops bias*, test_ops, test_golden"),
    (r"ops/(\w+)", r"test_launches, test_ops \1*, test_ops, test_golden"),
    ("models/(term|evaluation)", "test_monitor, test_engine, test_golden"),
    ("train/(history|monitor)", "test_monitor, test_checkpoint, test_train"),
    ("train/(advice|schedule|checkpoint|train)", r"test_\1, test_train"),
    ("tensor/safetensors", "test_safetensors, test_train"),
    ("train/", "test_engine, test_golden"),
)
COMMAND_LINE = "test_cli_targets.sh, test_cli_run.sh, test_cli_errors.sh, test_cli_resume.sh"

TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<directive>^[ \t]*\#(?:\\\n|[^\n])*)
    |(?P<string>L?"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
    |(?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)
    |(?P<name>[A-Za-z_]\w*)
    |(?P<sign>\.\.\.|<<=|>>=|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|.)""",
    re.S | re.M | re.X)
KEYWORDS = {"if", "for", "while", "switch", "return", "sizeof", "case", "else", "do", "goto"}
TYPES = {"int", "long", "unsigned", "char", "float", "double", "void", "struct", "enum", "const",
         "static", "size_t", "json_t", "FILE"}
# Calls whose arguments have no order to mistake.
VARIADIC = re.compile(r"error_|log_|snprintf|fprintf|printf|json_pack|plan_kernel|v?s?n?printf")
RELATIONS = {"<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"),
             "==": ("!=",), "!=": ("==",)}
ARITHMETIC = {"+": ("-",), "-": ("+",), "*": ("/", "+"), "/": ("*",), "%": ("*",), "<<": (">>",),
              ">>": ("<<",), "&": ("|",), "|": ("&",), "^": ("&",), "+=": ("-=", "="),
              "-=": ("+=", "="), "*=": ("/=", "="), "/=": ("*=", "="), "++": ("--",),
              "--": ("++",), "|=": ("&=", "="), "&=": ("|=", "=")}
LOGIC = {"&&": "||", "||": "&&"}


class Token:
    def __init__(self, kind, text, start):
        self.kind, self.text, self.start, self.end = kind, text, start, start + len(text)


def tokens_of(text):
    found = (Token(m.lastgroup, m.group(), m.start()) for m in TOKEN.finditer(text))
    return [t for t in found if t.kind not in ("space", "directive")]


def functions_of(text):
    """(name, start, end) of each function's body; the style puts its braces in the first column."""
    for m in re.finditer(r"^\w[^\n;{}=()]*?(\w+)\([^;{}]*\)\n\{\n.*?^\}$", text, re.S | re.M):
        yield m.group(1), m.start() + m.group().index("\n{\n") + 1, m.end()


def matching(tokens, at):
    """Index of the bracket that closes the one at `at`."""
    depth = 0
    for i in range(at, len(tokens)):
        depth += tokens[i].text in "([{"
        depth -= tokens[i].text in ")]}"
        if not depth:
            return i
    return len(tokens) - 1


def is_declaration(tokens, at):
    first, second = tokens[at].text, tokens[at + 1]
    return first in TYPES or re.search(r"_t$", first) or (
        tokens[at].kind == "name" and first not in KEYWORDS and second.kind == "name")


def statement(text, tokens, at):
    """(index of its semicolon) if an assignment or call begins at `at`, else None."""
    t, before = tokens[at], tokens[at - 1].text
    if before == ":" and "\n" not in text[tokens[at - 1].end:t.start]:
        return None  # of a ?:, not of a case
    if tokens[at + 1].text == ":":
        return None  # a label
    if before not in ("{", "}", ";", ")", "else", ":") or is_declaration(tokens, at):
        return None
    if t.text in ("break", "continue"):
        return at + 1
    if not (t.kind == "name" and t.text not in KEYWORDS or t.text in ("*", "++", "--")):
        return None
    if before == ")" and not opens_condition(tokens, at - 1):
        return None
    i = at
    while i < len(tokens) and tokens[i].text != ";":
        if tokens[i].text in "([{":
            i = matching(tokens, i)
        elif tokens[i].text in ")]}":
            return None
        i += 1
    return i


def opens_condition(tokens, close):
    """Whether the bracket closed at `close` is that of an if, for or while."""
    depth = 0
    for i in range(close, 0, -1):
        depth += tokens[i].text == ")"
        depth -= tokens[i].text == "("
        if not depth:
            return tokens[i - 1].text in ("if", "for", "while")
    return False


def arguments(tokens, at):
    """(start, end) token indices of the arguments of the call whose bracket is at `at`."""
    close, i, first, found = matching(tokens, at), at + 1, at + 1, []
    while i < close:
        if tokens[i].text in "([{":
            i = matching(tokens, i)
        elif tokens[i].text == ",":
            found.append((first, i - 1))
            first = i + 1
        i += 1
    return found + [(first, close - 1)] if close > at + 1 else []


def other_numbers(text):
    whole = re.fullmatch(r"(0[xX][0-9a-fA-F]+|\d+)([uUlL]*)", text)
    if whole:
        value = int(whole.group(1), 0 if whole.group(1)[:2] in ("0x", "0X") else 10)
        return [f"{n}{whole.group(2)}" for n in (value + 1, value - 1) if n >= 0]
    real = re.fullmatch(r"([\d.]+(?:[eE][+-]?\d+)?)([fF]?)", text)
    if real:
        value = float(real.group(1))
        return [f"{value * 1.1 if value else 1.0!r}{real.group(2)}"]
    return []


def mutations_of(text, start, end):
    """(start, end, becomes, operator) for one function's body."""
    ts = [t for t in tokens_of(text[:end]) if t.start >= start]
    depth = 0  # of round brackets: what stands in those of a for is no statement
    for i, t in enumerate(ts):
        depth += (t.text == "(") - (t.text == ")")
        if not i or i + 1 == len(ts):
            continue
        before, after = ts[i - 1], ts[i + 1]
        apart = text[t.start - 1] == " " and text[t.end] in " \n"
        if t.text in RELATIONS:
            for other in RELATIONS[t.text]:
                yield t.start, t.end, other, "relation"
        elif t.text in ("++", "--") or (t.text in ARITHMETIC and apart):
            for other in ARITHMETIC[t.text]:
                yield t.start, t.end, other, "arithmetic"
        elif t.text in LOGIC:
            yield t.start, t.end, LOGIC[t.text], "logic"
        elif t.text == "!" or (t.text == "-" and not apart and after.text != "1"):
            yield t.start, t.end, "", "sign"
        elif t.kind == "number" and before.text not in ("[", "case") and before.text != "-":
            for other in other_numbers(t.text):
                yield t.start, t.end, other, "constant"
        elif t.text == "if":
            close = matching(ts, i + 1)
            inner = text[after.end:ts[close].start]
            yield after.start, ts[close].end, f"(!({inner}))", "condition"
        elif t.text == "return" and after.text != ";":
            last = next(k for k in range(i, len(ts)) if ts[k].text == ";")
            value = text[after.start:ts[last].start]
            if value != "NULL" and not value.startswith(("error_", "(struct")):
                other = {"0": "1", "-1": "0", "1": "0"}.get(value, "0")
                yield after.start, ts[last].start, other, "return"
        elif t.kind == "name" and after.text == "(" and t.text not in KEYWORDS and \
                not VARIADIC.match(t.text):
            spans = [text[ts[a].start:ts[b].end] for a, b in arguments(ts, i + 1)]
            places = arguments(ts, i + 1)
            for k in range(len(spans) - 1):
                if spans[k] != spans[k + 1]:
                    a, b = places[k][0], places[k + 1][1]
                    yield ts[a].start, ts[b].end, f"{spans[k + 1]}, {spans[k]}", "arguments"
        stop = None if depth else statement(text, ts, i)
        if stop is not None:
            yield t.start, ts[stop].end, ";", "statement"


def one_line(text):
    return re.sub(r"\s+", " ", text)


def indent(text, at):
    return text[text.rfind("\n", 0, at) + 1:at]


def line_at(text, offset):
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    line = text[start:end]
    return start + len(line) - len(line.lstrip()), line.strip()


def candidates(srcdir):
    """For every line of a function's body that offers mutations: a list of them, as rows."""
    lines = {}
    for folder in FOLDERS:
        for name in sorted(os.listdir(os.path.join(srcdir, "src", folder))):
            if not name.endswith(".c") or name.startswith("print_"):
                continue
            path = f"src/{folder}/{name}"
            with open(os.path.join(srcdir, path)) as f:
                text = f.read()
            for function, begin, end in functions_of(text):
                for start, stop, becomes, operator in mutations_of(text, begin, end):
                    at, line = line_at(text, start)
                    nth = text[begin:at].count("\n" + indent(text, at) + line + "\n")
                    row = dict(file=path, function=function, text=line, nth=str(nth),
                               at=str(start - at), was=one_line(text[start:stop]),
                               becomes=one_line(becomes), operator=operator, outcome="-", by="-")
                    lines.setdefault((path, at), []).append(row)
    return [lines[key] for key in sorted(lines)]


def place(row):
    return row["file"], row["function"], row["text"], row["nth"]


def draw(srcdir, seed, count, but=()):
    """So many mutants, none of a line of `but`."""
    rng = random.Random(seed)
    known = {place(row) for row in but}
    lines = [line for line in candidates(srcdir) if place(line[0]) not in known]
    rows = []
    for line in rng.sample(lines, min(count, len(lines))):
        operator = rng.choice(sorted({row["operator"] for row in line}))
        rows.append(rng.choice([row for row in line if row["operator"] == operator]))
    return sorted(rows, key=lambda r: r["file"])


def apply(text, row):
    """The mutated text; None where the place is not to be found."""
    for function, begin, end in functions_of(text):
        if function != row["function"]:
            continue
        places = [m for m in re.finditer(r"(?m)^[ \t]*(" + re.escape(row["text"]) + r")[ \t]*$",
                                         text[begin:end])]
        if len(places) <= int(row["nth"]):
            return None
        start = begin + places[int(row["nth"])].start(1) + int(row["at"])
        was = re.compile(r"\s+".join(re.escape(word) for word in row["was"].split(" ")))
        found = was.match(text, start)
        return text[:start] + row["becomes"] + text[found.end():] if found else None
    return None


def read_rows(path):
    with open(path) as f:
        rows = [line.rstrip("\n").split("\t") for line in f if not line.startswith("#")]
    return [dict(zip(COLUMNS, row)) for row in rows[1:]]


def write_rows(path, seed, rows):
    with open(path + ".new", "w") as f:
        f.write(f"# drawn with seed {seed} by mutate.py\n" + "\t".join(COLUMNS) + "\n")
        for row in rows:
            f.write("\t".join(row[c] for c in COLUMNS) + "\n")
    os.replace(path + ".new", path)


def seed_of(path):
    with open(path) as f:
        return int(re.search(r"seed (\d+)", f.readline()).group(1))


class Tree:
    """A copy of the source and a build of it."""

    def __init__(self, srcdir, work, sanitizers):
        self.source, self.build = os.path.join(work, "source"), os.path.join(work, "build")
        self.sanitizers, self.log = sanitizers, os.path.join(work, "log")
        os.makedirs(self.build, exist_ok=True)
        self.copy(srcdir)
        if not os.path.exists(os.path.join(self.build, "Makefile")):
            flags = ["--enable-sanitizers"] if sanitizers else []
            compiler = "ccache gcc" if shutil.which("ccache") else "gcc"
            self.must([os.path.join(self.source, "configure"), "-q", f"CC={compiler}",
                       "CFLAGS=" + FLAGS] + flags)
        self.must(["make", "-s", "-j2", "seqtrain", "libengine.a"])
        cache = os.path.join(work, "cache")
        os.makedirs(cache, exist_ok=True)
        suppressions = f"suppressions={self.source}/tests/lsan.supp:print_suppressions=0"
        self.env = dict(os.environ, srcdir=self.source, SEQTRAIN_DEBUG="strict",
                        XDG_CACHE_HOME=cache, POCL_CACHE_DIR=cache + "/pocl",
                        ASAN_OPTIONS="fast_unwind_on_malloc=0", LSAN_OPTIONS=suppressions)
        self.known = os.path.join(work, "seconds.json")
        self.seconds = {}
        if os.path.exists(self.known):
            with open(self.known) as f:
                self.seconds = json.load(f)

    def copy(self, srcdir):
        """Copies what differs; what is the same keeps its time, so that nothing is made again."""
        for folder, subfolders, names in os.walk(srcdir):
            inner = os.path.relpath(folder, srcdir)
            subfolders[:] = [d for d in subfolders if not d.startswith((".", "build", "autom4te"))
                             or d == "build-aux"]
            os.makedirs(os.path.join(self.source, inner), exist_ok=True)
            for name in names:
                path, to = os.path.join(folder, name), os.path.join(self.source, inner, name)
                if name.startswith(".git") or name.endswith((".o", ".a")):
                    continue
                with open(path, "rb") as f:
                    data = f.read()
                if os.path.exists(to):
                    with open(to, "rb") as f:
                        if f.read() == data:
                            continue
                shutil.copy2(path, to)
                if inner.startswith(("src", "tests", "cl")):
                    os.utime(to)

    def must(self, command):
        with open(self.log, "a") as log:
            if subprocess.call(command, cwd=self.build, stdout=log, stderr=log):
                sys.exit(f"{' '.join(command)}: failed, see {self.log}")

    def make(self, *what):
        with open(self.log, "a") as log:
            return not subprocess.call(["make", "-s", *what], cwd=self.build, stdout=log,
                                       stderr=log)

    def object(self, path):
        return path[:-len(".c")] + ".o"

    def run(self, test, limit):
        """(what failed or None, seconds of processor time). A test ends where it first fails."""
        script = test.endswith(".sh")
        command = ["sh", os.path.join(self.source, "tests", test)] if script else \
            ("tests/" + test).split(" ", 1)

        def limits():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if not self.sanitizers:
                resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))

        p = subprocess.Popen(command, cwd=self.build, env=self.env, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             start_new_session=True, preexec_fn=limits)
        end, tail, failed, planned, ended = time.time() + limit, b"", None, False, False
        try:
            while failed is None:
                if not select.select([p.stdout], [], [], max(0, end - time.time()))[0]:
                    failed = "time"
                    break
                piece = os.read(p.stdout.fileno(), 65536)
                lines = (tail + piece).split(b"\n")
                tail = lines.pop()
                for line in lines:
                    planned |= line.startswith(b"1..")
                    bad = re.match(rb"not ok \d+ -? ?(.*)|Bail out!(.*)", line)
                    if bad:
                        failed = (bad.group(1) or b"bail out").decode(errors="replace").strip()
                        break
                if not piece:
                    ended = True
                    break
        finally:
            if not ended:  # what it has started goes with it; a script removes its folder
                os.killpg(p.pid, signal.SIGTERM if script and failed != "time" else signal.SIGKILL)
        p.stdout.close()
        status, usage = os.wait4(p.pid, 0)[1:]
        p.returncode = 0  # waited for
        if failed is None and (status or not planned):
            failed = f"signal {status & 127}" if status & 127 else f"status {status >> 8}"
        return failed, usage.ru_utime + usage.ru_stime

    def target(self, test):
        return "seqtrain" if test.endswith(".sh") else "tests/" + test.split(" ")[0]

    def remember(self, test, seconds):
        self.seconds[test] = seconds
        with open(self.known, "w") as f:
            json.dump(self.seconds, f)


def tests_of(path, own_only):
    inner = path[len("src/"):-len(".c")]
    for pattern, tests in MODULES:
        m = re.match(pattern, inner)
        if m:
            own = m.expand(tests).split(", ")
            break
    return own + [t for t in COMMAND_LINE.split(", ") if not own_only and t not in own]


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def judge(tree, row, own_only, left):
    """(outcome, by whom)"""
    path = os.path.join(tree.source, row["file"])
    with open(path) as f:
        text = f.read()
    mutated = apply(text, row)
    if mutated is None:
        return "gone", "-"
    obj = tree.object(row["file"])
    tree.make(obj)
    with open(os.path.join(tree.build, obj), "rb") as f:
        whole = f.read()
    try:
        write(path, mutated)
        if not tree.make(obj):
            return "does-not-build", "-"
        with open(os.path.join(tree.build, obj), "rb") as f:
            if f.read() == whole:
                return "equivalent", "the same object code"
        for test in tests_of(row["file"], own_only):
            known = tree.seconds.get(test, (0, 100))
            if known is None or known[0] > left:
                continue
            if not tree.make(tree.target(test)):
                return "does-not-build", "-"
            began = time.time()
            failed, used = tree.run(test, 20 + 6 * known[1])
            if failed and test not in tree.seconds:  # does it without the mutant?
                write(path, text)
                tree.make(tree.target(test))
                began = time.time()
                faulty, used = tree.run(test, 900)
                tree.remember(test, None if faulty else (used, time.time() - began))
                write(path, mutated)
                if faulty:
                    print(f"{test} fails without a mutant ({faulty}); it is left out", flush=True)
                    continue
            if failed:
                return "caught", f"{test}: {failed}"
            if test not in tree.seconds:
                tree.remember(test, (used, time.time() - began))
            left -= used
        return "survived", "-"
    finally:
        write(path, text)


def summary(rows):
    count = {}
    for row in rows:
        count[row["outcome"]] = count.get(row["outcome"], 0) + 1
    caught, survived = count.get("caught", 0), count.get("survived", 0)
    parts = ", ".join(f"{n} {outcome}" for outcome, n in sorted(count.items()))
    share = f"; caught {100 * caught / (caught + survived):.1f}% of both" if caught else ""
    print(f"{len(rows)} mutants: {parts}{share}")


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    p = argparse.ArgumentParser(description="Changes the source in one place: does a test fail?")
    p.add_argument("--srcdir", default=os.path.join(here, "..", ".."))
    p.add_argument("--work", default="mutate", help="where the copies and builds lie")
    p.add_argument("--outcomes", default=os.path.join(here, "outcomes.tsv"))
    p.add_argument("--seed", type=int, default=9)
    p.add_argument("--count", type=int, default=200)
    p.add_argument("--again", action="store_true", help="try again what survived")
    p.add_argument("--sanitizers", action="store_true", help="the same, with sanitizers")
    p.add_argument("--own", action="store_true", help="run the tests of the module alone")
    p.add_argument("--budget", type=float, default=BUDGET, help="processor seconds of one mutant")
    p.add_argument("--only", default="", help="mutants of files that fit this expression alone")
    args = p.parse_args()
    if os.path.exists(args.outcomes):
        rows, seed = read_rows(args.outcomes), seed_of(args.outcomes)
    else:
        rows, seed = draw(args.srcdir, args.seed, args.count), args.seed
        write_rows(args.outcomes, seed, rows)
    again = args.again or args.sanitizers
    if not again and not args.only and all(r["outcome"] != "-" for r in rows):
        # in place of those that do not build, are equivalent or gone
        left = args.count - sum(r["outcome"] in ("caught", "survived") for r in rows)
        rows += draw(args.srcdir, seed + len(rows), max(0, left), rows)
    tried = ("survived",) if again else ("-",)
    todo = [r for r in rows if r["outcome"] in tried and re.search(args.only, r["file"])]
    if os.path.exists(os.path.join(args.srcdir, "config.status")):
        sys.exit("the source is configured itself: give it a build folder of its own")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if todo:
        name = "sanitized" if args.sanitizers else "plain"
        tree = Tree(os.path.abspath(args.srcdir), os.path.abspath(os.path.join(args.work, name)),
                    args.sanitizers)
    for i, row in enumerate(todo):
        row["outcome"], row["by"] = judge(tree, row, args.own, args.budget)
        if args.sanitizers and row["outcome"] == "caught":
            row["by"] = "with sanitizers " + row["by"]
        write_rows(args.outcomes, seed, rows)
        print(f"{i + 1}/{len(todo)} {row['outcome']} {row['file']} {row['function']}: "
              f"{row['text']} [{row['was']} -> {row['becomes']}] {row['by']}", flush=True)
    summary(rows)


main()
