#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/captions/captions.json: captions in English and Korean with one to five references each, and
what pycocoevalcap makes of them by both rules for tokens; texts and their tokens; pooled vectors and what
PyTorch makes of them as transformers' SiglipModel does. Everything but the tokens' rule is theirs; the
counts of different captions are a few lines here.

    pip install pycocoevalcap torch
    python3 tests/peer/make_captions_golden.py
"""
import json
import pathlib
import random
import unicodedata
from collections import Counter

import torch
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge

FILE = pathlib.Path(__file__).resolve().parent.parent / "captions" / "captions.json"
RULES = ("words", "characters")


def tokens(rule, text):
    text = unicodedata.normalize("NFC", text)
    if rule == "characters":
        return [c for c in text if not c.isspace()]
    return "".join(c for c in text.lower() if not unicodedata.category(c).startswith("P")).split()


ENGLISH = {
    "number": ["a", "one", "two", "three", "four"],
    "color": ["red", "blue", "green", "yellow", "White", "black"],
    "shape": ["circle", "square", "triangle", "star", "dog", "cat"],
    "where": ["above", "below", "to the left of", "to the right of", "beside", "inside"],
    "also": ["", " in the sun", " on a wall", ", seen from afar", " — and nothing else", " 🐕"],
}
KOREAN = {
    "number": ["한 개의", "두 개의", "세 개의", "네 개의"],
    "color": ["빨간", "파란", "초록", "노란", "하얀", "검은"],
    "shape": ["원", "사각형", "삼각형", "별", "강아지", "고양이"],
    "where": ["위에", "아래에", "왼쪽에", "오른쪽에", "옆에", "안에"],
    "also": ["", " 햇빛 아래", " 벽에 걸린 채", ", 멀리서 본 모습", " 🐕"],
}


def scene(rng, words):
    return {k: [rng.choice(v) for _ in range(2)] for k, v in words.items()}


def english(rng, s):
    n, c, h, w, a = (s[k] for k in ENGLISH)
    text = rng.choice((f"{n[0]} {c[0]} {h[0]} {w[0]} {n[1]} {c[1]} {h[1]}{a[0]}",
                       f"There is {n[0]} {c[0]} {h[0]}; {w[0]} it: {n[1]} {c[1]} {h[1]}{a[0]}",
                       f"{n[0]} {h[0]} ({c[0]}) {w[0]} the {c[1]} {h[1]}",
                       f"the {c[0]} {h[0]} isn't {w[1]} the {h[1]}{a[0]}"))
    return rng.choice((text, text + ".", text.capitalize() + "!", text.title()))


def korean(rng, s):
    n, c, h, w, a = (s[k] for k in KOREAN)
    text = rng.choice((f"{n[1]} {c[1]} {h[1]} {w[0]} {n[0]} {c[0]} {h[0]}이 있다{a[0]}",
                       f"{c[1]} {h[1]} {w[0]} {c[0]} {h[0]}{a[0]}",
                       f"{c[0]} {h[0]}, {c[1]} {h[1]} {w[0]}",
                       f"그림에는 {c[0]} {h[0]}과 {c[1]} {h[1]}이 보인다{a[0]}"))
    return rng.choice((text, text + ".", unicodedata.normalize("NFD", text)))


def drawn(rng, say, words, count):
    """Captions that are right, nearly right, said too often, short or of another scene."""
    samples = []
    for _ in range(count):
        s = scene(rng, words)
        references = [say(rng, s) for _ in range(rng.randint(1, 5))]
        near = {k: [rng.choice(words[k]), v[1]] if rng.random() < 0.3 else v for k, v in s.items()}
        kind = rng.random()
        text = say(rng, near)
        if kind < 0.15:
            text = rng.choice(references)
        elif kind < 0.25:
            text = rng.choice(references).upper().replace(" ", "  ") + " ..."
        elif kind < 0.35:
            text = say(random.Random(7), scene(random.Random(7), words))
        elif kind < 0.42:
            text = text.split()[0]
        elif kind < 0.5:
            text = text + " " + text
        samples.append((text, references))
    return samples


def corpora():
    rng = random.Random(20)
    en = drawn(rng, english, ENGLISH, 100)
    ko = drawn(rng, korean, KOREAN, 100)
    yield "200 captions", [x for pair in zip(en, ko) for x in pair]
    yield "English", en[:40]
    yield "Korean", ko[:40]
    yield "one sample", en[:1]
    yield "one right sample", [(en[0][1][0], en[0][1])]
    yield "empty captions", [("", ["a dog"]), ("...", ["a cat", "two cats on a mat"]), ("a dog", ["a dog"]),
                             ("", ["?!", "a dog"]), (" ", ["", "b"]), ("x", ["!", "x y"])]
    yield "single words", [("dog", ["dog"]), ("Cat", ["cat", "dog"]), ("dog", ["cat", "bird"]), ("원", ["원"])]
    yield "all the same", [("a red circle", r) for _, r in en[:6]]
    yield "nothing right", [("x y z", ["a b c d"]), ("u v", ["e f g", "h"])]
    yield "all right", [(r[-1], r) for _, r in ko[:5]]
    # closest lengths: 3 and 5 are as far from 4
    yield "lengths", [("a b c d", ["a b c d e", "a b c"]), ("a b c d", ["a b c", "a b c d e"]),
                      ("a b", ["a b c d e f g h i j k l m n o p", "b a"]), ("e f g h e f g h", ["e f g h"])]
    yield "repeated", [("the the the the", ["the cat the"]), ("a a b b", ["a b a b", "b b a a b"]),
                       ("one two", ["one two"]), ("three", ["four three"])]


def different(texts):
    return len(set(texts)) / len(texts)


def different_grams(texts, n):
    grams = [tuple(t[i:i + n]) for t in texts for i in range(len(t) - n + 1)]
    return len(set(grams)) / len(grams) if grams else None


def measured(rule, samples):
    said = [tokens(rule, text) for text, _ in samples]
    meant = [[tokens(rule, r) for r in refs] for _, refs in samples]
    res = {i: [" ".join(t)] for i, t in enumerate(said)}
    gts = {i: [" ".join(r) for r in refs] for i, refs in enumerate(meant)}
    common = Counter(map(tuple, said))
    most = max(common.values())
    return {
        "bleu": Bleu(4).compute_score(gts, res, verbose=0)[0],
        "rouge_l": float(Rouge().compute_score(gts, res)[0]),
        "cider": float(Cider().compute_score(gts, res)[0]),
        "exact": [int(t in refs) for t, refs in zip(said, meant)],
        "literal": sum(text in refs for text, refs in samples) / len(samples),
        "distinct": different([tuple(t) for t in said]),
        "distinct_references": different([tuple(refs[0]) for refs in meant]),
        "distinct_1": different_grams(said, 1),
        "distinct_2": different_grams(said, 2),
        "frequent": next(i for i, t in enumerate(said) if common[tuple(t)] == most),
        "frequent_count": most,
    }


TEXTS = [
    "", " ", "...", "A Dog.", "don't-stop", "a , b", " a  b\tc\nd ", "x\u00a0y\u3000z\u2028w\u0085v\u001cu\u202ft\u2029s\rr\vq\fp",
    "αΣ aΣ Α\u0323Σ ΑΣ\u0323Α Α\u00adΣ ʰΣ Αʰ\u02c2Σ",
    "zero\u200bwidth", "«Größe» “quoted” ‘single’ 「한국어」、。", "1,234.5 + 6% = $7 <b> ^x` |y~", "ÀÉÎ ÇA", "ΑΣ ΣΑΣ Σ ΑΣ.",
    "ΑΣ'Α Α'Σ ΑΣ\u0301 ΑΣ-Α Α\u00adΣ\u00adΑ ᾼΣ ªΣ ⅠΣ 🄰Σ 1Σ", "İSTANBUL Iı", "ŞIK ẞ ǅ ǈ", "Привет, МИР!", "ԱԲԳ Ⴀ Ꭰ Ⴆ",
    "cafe\u0301 CAFE\u0301 caf\u00e9", "\u1112\u1161\u11ab\u1100\u1173\u11af 한글", "빨간 원이, 파란 사각형 위에 있다.",
    "강아지🐕가 👨‍👩‍👧 뛴다❤️!", "日本語、テキスト。全角　ＡＢＣ！", "अनुच्छेद १ है।", "السلام عليكم، كيف؟", "𝐀𝐁 𐐀𐐁", "e\u0327\u0301x",
    "_under_ @at #hash &and *star /slash\\ (paren) [b] {c}", "\u00a1\u00bf\u2014\u2013\u2026\u00b7\u2022\u00a7\u00b6\u2020",
]


def siglip():
    """As SiglipModel.forward does: logits of normalised vectors, scaled and shifted; here in double precision."""
    generator = torch.Generator().manual_seed(5)
    scale, bias = 2.5, -3.25
    for frames, width in ((1, 3), (8, 16), (3, 1)):
        pooled = torch.randn(frames, width, generator=generator)
        text = torch.randn(width, generator=generator)
        image, words = (x.double() / x.double().norm(p=2, dim=-1, keepdim=True) for x in (pooled, text))
        cosine = image @ words
        score = torch.sigmoid(cosine * torch.tensor(scale, dtype=torch.double).exp() + bias)
        yield {"frames": pooled.tolist(), "text": text.tolist(), "scale": scale, "bias": bias,
               "cosine": cosine.mean().item(), "score": score.mean().item()}


def main():
    FILE.parent.mkdir(exist_ok=True)
    cases = [{"name": name, "generated": [g for g, _ in samples], "references": [r for _, r in samples],
              **{rule: measured(rule, samples) for rule in RULES}} for name, samples in corpora()]
    texts = [[text] + [" ".join(tokens(rule, text)) for rule in RULES] for text in TEXTS]
    parts = {"cases": cases, "texts": texts, "siglip": list(siglip())}
    lines = [json.dumps(name) + ": [\n" + ",\n".join(json.dumps(x) for x in part) + "]" for name, part in parts.items()]
    FILE.write_text("{" + ",\n".join(lines) + "}\n", encoding="ascii")


if __name__ == "__main__":
    main()
