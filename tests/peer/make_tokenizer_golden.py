#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/tokenizers/: small tokenizer.json files and what the tokenizers library makes of texts
with them, tests/golden/patterns.txt, and tests/golden/trained/: a text and what the library's trainer makes of it. NAME.json is the file, NAME.cases has a line for each text: the text, its numbers, its numbers with
those of the post-processor, the text of these, the same without special tokens.

    pip install tokenizers
    python3 tests/peer/make_tokenizer_golden.py
"""
import json
import pathlib
import random
import unicodedata
from collections import Counter

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers import trainers

TRAINED = pathlib.Path(__file__).resolve().parent.parent / "golden" / "trained"
FOLDER = pathlib.Path(__file__).resolve().parent.parent / "golden" / "tokenizers"
TEXT = [
    "The quick brown fox doesn't jump over the lazy dog; it'll sleep, they've said.\n",
    "In 2024 there were 1234567 foxes, and 3.14 dogs.  Two  spaces, three   spaces.\n\n",
    "def add(a, b):\n    return a + b  # adds\n\tif x_1 != y:\n\t\tprint('Hello, world!')\n",
    "안녕하세요 세계. 한국어 문장입니다. 오늘은 날씨가 좋습니다.\n",
    "Zażółć gęślą jaźń, café naïve, Größe, İstanbul, Ελληνικά, Привет мир.\n",
    "毕老师！你好，世界。これは日本語の文です。👍🏽 👨‍👩‍👧 🇰🇷\n",
]
TEXTS = TEXT + [
    "", " ", "  ", "\n", "a", " a", "a ", "Hello! 毕老师！1 + 1 = 2", "it's IT'S It'S we'Ll", "ſ's 'ſ",
    "cafe\u0301 caf\u00e9 \u1112\u1161\u11ab 한", "a\u180eb\u0085c\u00a0d\u2028e\u3000f", "\r\n\r\n  x\r\n",
    "<s>", "<s>a</s>", " <s> a </s> ", "<mask>", "a <mask> b", "x<mask>y", "word", "words word sword word.",
    "the<|endoftext|>the", "<|endoftext|>", "12 345 6789 ½ ² Ⅷ ٣", "----====####", "a\u0315\u0300\u05aeb",
    # marks that the library's normalizer does not know: it has Unicode 9
    "\u0d3c\u0b3c \u0c3c\u093c a\u0898\u0301 a\u09fe\u0301 \U00011935\U00011930 \U00011938\u0323\u0307",
    "\u0130\u0049\u03a3", "▁already▁there", "▁", " ▁ ", "\t\ttabs\t", "zero\u200bwidth\u200djoin", "𝕳𝖊𝖑𝖑𝖔 𓀀",
    "\U000f0000\ue000", "snake_case camelCase", "The the THE", "a.b,c;d!e?f", "  leading", "trailing  ", "x  y   z",
]
QWEN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
        r"|\s+(?!\S)|\s+")
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")


def drawn(count=12):
    """Texts of characters that Unicode 14 has assigned."""
    rng = random.Random(1)
    assigned = [c for c in range(0x110000) if not 0xd800 <= c < 0xe000 and unicodedata.category(chr(c)) != "Cn"]
    near = [c for c in assigned if c < 0x600]
    return ["".join(chr(rng.choice(rng.choice((assigned, near)))) for _ in range(rng.randint(1, 20)))
            for _ in range(count)]


def byte_pieces():
    return [f"<0x{i:02X}>" for i in range(256)]


def train(tokenizer, size, special=(), initial=()):
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=list(special), initial_alphabet=list(initial),
                                  show_progress=False)
    tokenizer.train_from_iterator(TEXT * 2, trainer)
    return tokenizer


def byte_level(pre, size=340, normalizer=None, post=None, **model):
    t = Tokenizer(models.BPE(**model))
    t.normalizer = normalizer or t.normalizer
    t.pre_tokenizer = pre
    t.decoder = decoders.ByteLevel()
    train(t, size, ["<|endoftext|>"], pre_tokenizers.ByteLevel.alphabet())
    t.post_processor = post or processors.ByteLevel(trim_offsets=False)
    return t


def fallback(normalizer, pre, decoder, size=420):
    """A vocabulary as sentencepiece's: <unk>, <s>, </s>, bytes, pieces."""
    head = ["<unk>", "<s>", "</s>"] + byte_pieces()
    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.normalizer = normalizer or t.normalizer
    t.pre_tokenizer = pre or t.pre_tokenizer
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=head, show_progress=False)
    # the library's own limit of the alphabet leaves it to chance which of equally frequent characters stay
    count = Counter("".join(TEXT))
    kept = set(sorted(count, key=lambda c: (-count[c], c))[:70])
    t.train_from_iterator(["".join(c for c in text if c in kept) for text in TEXT], trainer)
    # those of the bytes are pieces, not added tokens
    d = json.loads(t.to_str())
    d["added_tokens"] = [a for a in d["added_tokens"] if not a["content"].startswith("<0x")]
    t = Tokenizer.from_str(json.dumps(d))
    t.decoder = decoder
    t.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    return t


def characters(pre, decoder=None, normalizer=None, unknown=True):
    """A vocabulary of characters and a few pairs."""
    letters = sorted({c for text in TEXT for c in text if ord(c) < 0x180} | set("▁ -_"))
    vocab = {"<unk>": 0}
    for c in letters:
        vocab[c] = len(vocab)
    merges = [("t", "h"), ("th", "e"), (" ", "t"), ("▁", "t"), ("-", "-"), ("--", "--"), (" ", " "), ("o", "v")]
    for a, b in merges:
        vocab[a + b] = len(vocab)
    t = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>" if unknown else None))
    t.normalizer = normalizer or t.normalizer
    t.pre_tokenizer = pre
    if decoder:
        t.decoder = decoder
    return t


def tokenizers():
    split, sequence = pre_tokenizers.Split, pre_tokenizers.Sequence
    bytes_only = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    yield "gpt2", byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False))
    yield "roberta", byte_level(pre_tokenizers.ByteLevel(add_prefix_space=True), normalizer=normalizers.Lowercase())
    yield "qwen", byte_level(sequence([split(Regex(QWEN), "isolated"), bytes_only]), normalizer=normalizers.NFC())
    yield "smollm", byte_level(sequence([pre_tokenizers.Digits(individual_digits=True),
                                         pre_tokenizers.ByteLevel(add_prefix_space=False)]))
    t = byte_level(sequence([split(Regex(LLAMA3), "isolated"), bytes_only]), ignore_merges=True)
    t.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<|endoftext|> $A <|endoftext|>:1", pair="$A $B:1",
                                      special_tokens=[("<|endoftext|>", 0)])])
    yield "llama3", t
    t = fallback(normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]), None,
                 decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                    decoders.Strip(" ", 1, 0)]))
    t.add_special_tokens([AddedToken("<mask>", lstrip=True, rstrip=True)])
    t.add_tokens([AddedToken("word", single_word=True, normalized=False), AddedToken("a b", normalized=True)])
    yield "llama", t
    t = fallback(normalizers.Replace(" ", "▁"), split(" ", "merged_with_previous"),
                 decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]))
    t.add_tokens([AddedToken("\n" * n, normalized=False) for n in (1, 2, 3)])
    yield "gemma", t
    for scheme in ("first", "always", "never"):
        yield "metaspace_" + scheme, fallback(
            normalizers.NFC() if scheme == "first" else None,
            pre_tokenizers.Metaspace(prepend_scheme=scheme, split=scheme != "never"),
            decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme=scheme)]))
    for behavior in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"):
        for invert in (False, True):
            yield f"{behavior}{'_inverted' * invert}", characters(
                split(Regex(r"[\s\-]|ov") if invert else Regex(r"\s|-+|ov?"), behavior, invert))
    yield "digits", characters(pre_tokenizers.Digits(individual_digits=False), decoders.Fuse())
    t = characters(sequence([split(" ", "isolated"), split(Regex(r"\bt\w|\W"), "isolated")]),
                   normalizer=normalizers.Sequence([normalizers.Replace(Regex(r"\d+(?!\S)"), "t"),
                                                    normalizers.Replace("o", "--"), normalizers.Lowercase()]),
                   decoder=decoders.Sequence([decoders.Replace(Regex("t(?=h)"), "T"), decoders.Strip("e", 0, 1)]))
    t.add_tokens([AddedToken("THE", normalized=True, single_word=True), AddedToken("--the", lstrip=True),
                  AddedToken("--", normalized=False, rstrip=True)])
    yield "normalized", t


def training_text():
    """Words of several scripts, drawn so that many pairs occur equally often."""
    rng = random.Random(2)
    letters = ["abcdefghij", "0123", "абвгд", "가나다라", "日本語", "é\u0301e"]
    words = ["".join(rng.choice(rng.choice(letters[:1] * 3 + letters)) for _ in range(rng.randint(1, 6)))
             for _ in range(150)] + ["aaaa", "aaaaaaa", "it's", "don't", "--", "...", "<|endoftext|>"]
    return "".join(rng.choice(words) + rng.choice([" ", " ", " ", "  ", "\n", ".\n", "\r\n\n", "\t"]) for _ in range(900))


def train_files():
    """As seqtrain tokenize --train --vocabulary 600 --kind NAME."""
    TRAINED.mkdir(exist_ok=True)
    (TRAINED / "text.txt").write_bytes(training_text().encode())
    bytes_only = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    for name in ("gpt2", "qwen"):
        t = Tokenizer(models.BPE())
        if name == "qwen":
            t.normalizer = normalizers.NFC()
            t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN), "isolated"), bytes_only])
        else:
            t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        t.decoder = decoders.ByteLevel()
        t.post_processor = processors.ByteLevel(trim_offsets=False)
        t.train([str(TRAINED / "text.txt")], trainers.BpeTrainer(
            vocab_size=600, min_frequency=2, special_tokens=["<|endoftext|>"], show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
        text = json.dumps(json.loads(t.to_str()), ensure_ascii=False, separators=(",", ":"))
        (TRAINED / f"{name}.json").write_text(text + "\n")


PATTERNS = [
    r"\s", r"\S", r"\w", r"\W", r"\d", r"\D", r"\b", r"\B", r"\h", r"\H+", r"[\S\n]", r"[^\s\w]", r"[\w\s]+", r"\p{Han}",
    r"\p{Hangul}", r"\p{Latin}+", r"\p{Letter}", r"\p{^L}", r"\P{Han}+", r"^", r"$", r"\s+$", r"(?i:s)", r"(?i)k", r"(?m:.)+",
    r".+", r"a{,2}", r"a{2,}", r"x*", r"\R", r"\v", r"[\h_]", r"\u00e9", r"\x{1F600}", r"\x41", r"(?<=\s)a", r"(?i:\u017f)",
    r"\p{Uppercase_Letter}", r"\p{other letter}", r"[\p{L}\p{M}]+", r"\p{Cyrillic}", r"\p{Common}", r"\p{Zs}",
    r"\p{Hiragana}|\p{Katakana}", r"[!-/:-~！-／：-～‘-‟　-。]+", r"[一-龥가-힣]+", r"\p{N}{1,3}", r"[^\r\n\p{L}\p{N}]?+\p{L}+",
    r"\A.", r".\z", r".\Z", r"(?=a)", r"(a)\1", r"[]a]", r"[^]a]", r"[\b]", r"a|(?i)k|b", r"(?#of no use)a", r"\{a\}|{a}|{",
    QWEN, LLAMA3,
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*""",
]
SEARCHED = ("aaab {a} A1 it's IT'S \u017f 'K \u212ak\r\n\t _x9 \xb2\xbd\u2167\u0663 \u00e9 e\u0301\u180e\x85\xa0\u3000\u2028z\x0b\x0c\b"
            "\u24b6\U0001f130 Ж中，。한국 ひカー \u094d\u203f \u200d\U0001f600ZZ...\u0130\n  \nend a\n")


def search():
    """tests/golden/patterns.txt: [regular expression, SEARCHED with what it finds in |]."""
    with open(FOLDER.parent / "patterns.txt", "w") as file:
        for pattern in PATTERNS:
            found = normalizers.Replace(Regex(pattern), "|").normalize_str(SEARCHED)
            file.write(json.dumps([pattern, SEARCHED, found], separators=(",", ":")) + "\n")


def main():
    search()
    train_files()
    FOLDER.mkdir(exist_ok=True)
    for name, t in tokenizers():
        text = json.loads(t.to_str())
        (FOLDER / f"{name}.json").write_text(json.dumps(text, ensure_ascii=False, separators=(",", ":")) + "\n")
        t = Tokenizer.from_file(str(FOLDER / f"{name}.json"))
        with open(FOLDER / f"{name}.cases", "w") as cases:
            for case in TEXTS + drawn():
                whole = t.encode(case).ids
                line = [case, t.encode(case, add_special_tokens=False).ids, whole,
                        t.decode(whole, skip_special_tokens=False), t.decode(whole, skip_special_tokens=True)]
                cases.write(json.dumps(line, ensure_ascii=True, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
