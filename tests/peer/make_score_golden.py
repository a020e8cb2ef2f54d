#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes tests/score/: small random SigLIPs with a tokenizer of Gemma's kind, as transformers writes them, and
how texts go with shipped pictures by them.

Folder hub/ has what the folders of SigLIP 2 have: GemmaTokenizer, do_lower_case, padding at the right with a
token that config.json does not name. Folder left/ has another tokenizer's files alone, as Siglip2Tokenizer saves
them by itself: padding at the left. golden.json: `texts`; of each folder `tokens` [texts, T]; `clips`, the frames
of each as files of synthetic_scenes/; `cosine` and `score` [clips, texts], means over the frames, in float64.

    make_score_golden.py                       writes all
    make_score_golden.py FOLDER ROOT TABLE     compares: TABLE is what predict wrote with encoder.base = FOLDER,
                                               encoder.precision = fp32; names in it are relative to ROOT

Needs torch, transformers, tokenizers, Pillow.
"""

import csv
import glob
import json
import os
import random
import shutil
import sys

import torch
from PIL import Image
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel
from transformers.models.siglip2.tokenization_siglip2 import Siglip2Tokenizer

from make_tower_golden import fill

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "..", "score")
SCENES = os.path.join(HERE, "..", "..", "configs", "data", "synthetic_scenes")
POSITIONS = 12
CLIPS = [["0001.png"], ["0002.png"], ["clip_01/*"], ["0007.png"]]
TEXTS = [
    "three green squares left of three red triangles",
    "A Red CIRCLE above a yellow square!",
    "빨간 원이 노란 사각형 위에 있다",
    "",
    "İstanbul 👍🏽 ΣΑΣ",
    "two blue squares, two blue squares, two blue squares and no end of it at all",
    "<pad> a <eos> b",
    "  two   blanks\n",
]


def tokenizer():
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    head = special + [f"<0x{i:02X}>" for i in range(256)]
    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.normalizer = normalizers.Replace(" ", "▁")
    t.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    trainer = trainers.BpeTrainer(vocab_size=330, special_tokens=head, show_progress=False)
    with open(os.path.join(SCENES, "english.csv"), encoding="utf-8") as file:
        lines = [row["caption"] for row in csv.DictReader(file)][:200]
    t.train_from_iterator(lines + ["abcdefghijklmnopqrstuvwxyz", TEXTS[2]], trainer)
    d = json.loads(t.to_str())
    d["added_tokens"] = [a for a in d["added_tokens"] if a["content"] in special]
    t = Tokenizer.from_str(json.dumps(d))
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    t.post_processor = processors.TemplateProcessing(single="$A <eos>", pair="$A <eos> $B <eos>",
                                                     special_tokens=[("<eos>", 1)])
    return t


def write_json(path, what):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(what, file, indent=1, sort_keys=True, ensure_ascii=False)
        file.write("\n")


def write_hub(t):
    to = os.path.join(FOLDER, "hub")
    shutil.rmtree(to, ignore_errors=True)
    model = SiglipModel(SiglipConfig(
        vision_config=dict(hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=2,
                           image_size=32, patch_size=8),
        text_config=dict(hidden_size=24, intermediate_size=36, num_hidden_layers=2, num_attention_heads=2,
                         vocab_size=t.get_vocab_size(), max_position_embeddings=POSITIONS, projection_size=32,
                         pad_token_id=5, bos_token_id=None, eos_token_id=None)))
    fill(model, seed=5, scale=1.6, bias=-1.3)
    model.save_pretrained(to)
    path = os.path.join(to, "config.json")
    with open(path) as file:
        kept = json.load(file)
    kept.pop("transformers_version", None)
    os.chmod(os.path.join(to, "model.safetensors"), 0o644)
    write_json(path, kept)
    write_json(os.path.join(to, "preprocessor_config.json"),
               {"image_processor_type": "SiglipImageProcessor", "do_resize": True, "do_rescale": True,
                "do_normalize": True, "resample": 2, "rescale_factor": 1 / 255, "size": {"height": 32, "width": 32},
                "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]})
    t.save(os.path.join(to, "tokenizer.json"), pretty=False)
    write_json(os.path.join(to, "tokenizer_config.json"),
               {"tokenizer_class": "GemmaTokenizer", "do_lower_case": True, "padding_side": "right",
                "add_bos_token": False, "add_eos_token": True, "pad_token": "<pad>", "eos_token": "<eos>",
                "bos_token": "<bos>", "unk_token": "<unk>", "model_input_names": ["input_ids"],
                "processor_class": "SiglipProcessor"})


def write_left(t):
    to = os.path.join(FOLDER, "left")
    shutil.rmtree(to, ignore_errors=True)
    os.makedirs(to)
    made = Siglip2Tokenizer(tokenizer_object=t)
    made.save_pretrained(to)


def load(folder):
    return Siglip2Tokenizer.from_pretrained(folder)


def tokens_of(folder, texts):
    made = load(folder)
    return made(texts, padding="max_length", max_length=POSITIONS, truncation=True)["input_ids"]


def frames_of(patterns, root):
    return [Image.open(f).convert("RGB") for p in patterns for f in sorted(glob.glob(os.path.join(root, p)))]


def scores(folder, clips, texts):
    """cosine and score of each clip's frames with each text."""
    model = SiglipModel.from_pretrained(folder).to(torch.float64).eval()
    processor = SiglipImageProcessor.from_pretrained(folder)
    ids = torch.tensor(tokens_of(folder, texts))
    cosine, score = [], []
    for frames in clips:
        pixels = processor(images=frames, return_tensors="pt")["pixel_values"].to(torch.float64)
        with torch.no_grad():
            out = model(input_ids=ids, pixel_values=pixels)
        cosine.append((out.text_embeds @ out.image_embeds.T).mean(1).tolist())
        score.append(torch.sigmoid(out.logits_per_text).mean(1).tolist())
    return cosine, score


def compare(folder, root, table):
    worst = 0
    with open(table, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        name = row["file"]
        cosine, score = scores(folder, [frames_of([name], root)], [row["caption"]])
        worst = max(worst, abs(cosine[0][0] - float(row["siglip_cosine"])), abs(score[0][0] - float(row["siglip"])))
    print(f"{len(rows)} captions, at most {worst:.3g} apart")
    return worst > 1e-4


def main():
    if len(sys.argv) == 4:
        sys.exit(compare(*sys.argv[1:]))
    random.seed(1)
    t = tokenizer()
    os.makedirs(FOLDER, exist_ok=True)
    write_hub(t)
    write_left(t)
    hub, left = os.path.join(FOLDER, "hub"), os.path.join(FOLDER, "left")
    cosine, score = scores(hub, [frames_of(c, SCENES) for c in CLIPS], TEXTS)
    write_json(os.path.join(FOLDER, "golden.json"),
               {"texts": TEXTS, "clips": [c[0].split("/")[0] for c in CLIPS], "tokens": {"hub": tokens_of(hub, TEXTS), "left": tokens_of(left, TEXTS)},
                "cosine": cosine, "score": score})


main()
