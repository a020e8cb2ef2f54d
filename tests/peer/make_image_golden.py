#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes tests/image/: images of ours, and what Pillow and transformers make of them.

NAME.png, NAME.jpg: pictures in the ways in which files hold them: grey, palettes, 1 to 16 bits,
transparency, interlaced, progressive, CMYK, turned by Exif or XMP. golden.safetensors:

    read.FILE                   U8 [H, W, 3]: transformers' load_image() of the file
    resize.FILE.W.H.FILTER      U8 [H, W, 3]: Image.resize() of these bytes, FILTER being Pillow's number
    process.CASE.FILE           F32 [3, H, W]: the processor that Pillow and NumPy compute, for the file
                                CASE.json beside it, which has its settings

Pillow 13 or later is wanted: since then tall images are resized down first (see src/image/resample.h).
"""

import io
import json
import os
import struct
import zlib

import numpy as np
import PIL
from PIL import Image, ImageFile
from PIL.PngImagePlugin import PngInfo
from safetensors.numpy import save_file
from transformers.image_utils import load_image
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "image")
ImageFile.MAXBLOCK = 1 << 20
random = np.random.default_rng(14)
golden = {}


def scene(width, height):
    y, x = np.mgrid[0:height, 0:width]
    waves = (np.sin(x / 3) + np.cos(y / 2) + 2) * 60
    pixels = np.stack([x * 255 / max(width - 1, 1), y * 255 / max(height - 1, 1), waves], -1)
    pixels[(x - width / 3) ** 2 + (y - height / 2) ** 2 < height] = (230, 30, 20)
    return np.clip(pixels + random.normal(0, 9, pixels.shape), 0, 255).astype(np.uint8)


def keep(name, data):
    with open(os.path.join(FOLDER, name), "wb") as file:
        file.write(data)
    golden["read." + name] = np.array(load_image(os.path.join(FOLDER, name)))


def saved(image, form, **how):
    to = io.BytesIO()
    image.save(to, form, **how)
    return to.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed(row, depth):
    row = row.reshape(-1)
    if depth == 16:
        return row.astype(">u2").tobytes()
    bits = ((row[:, None] >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8)
    return np.packbits(bits).tobytes()


PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def png(pixels, depth, color, chunks=b"", interlaced=False):
    """A PNG of any kind, which Pillow does not write: pixels [H, W, channels]."""
    height, width, _ = pixels.shape
    passes = PASSES if interlaced else ((0, 0, 1, 1),)
    data = b"".join(b"\0" + packed(row, depth) for x, y, across, down in passes
                    for row in pixels[y::down, x::across] if row.size)
    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunks + chunk(b"IDAT", zlib.compress(data, 9)) +
            chunk(b"IEND", b""))


def exif(orientation):
    data = Image.Exif()
    data[0x010E] = "a picture"
    data[0x0112] = orientation
    return data


def xmp(orientation):
    return '<rdf:Description tiff:Orientation="%d"/>' % orientation


def pngs():
    for depth in (1, 2, 4, 8, 16):
        most = 600 if depth == 16 else 2**depth
        keep("grey%d.png" % depth, png(random.integers(0, most, (5, 9, 1)), depth, 0, chunk(b"tRNS", b"\0\1")))
        keep("grey%d_adam7.png" % depth, png(random.integers(0, most, (9, 7, 1)), depth, 0, b"", True))
    for depth in (1, 2, 4, 8):
        table = chunk(b"PLTE", random.integers(0, 256, (2**depth * 3 // 4 + 1, 3), dtype=np.uint8).tobytes())
        pixels = random.integers(0, 2**depth, (6, 9, 1))
        keep("palette%d.png" % depth, png(pixels, depth, 3, table + chunk(b"tRNS", b"\0\x50")))
        keep("palette%d_adam7.png" % depth, png(pixels, depth, 3, table, True))
    for name, color, channels in (("rgb", 2, 3), ("grey_alpha", 4, 2), ("rgba", 6, 4)):
        for depth in (8, 16):
            pixels = random.integers(0, 2**depth, (6, 11, channels))
            keep("%s%d.png" % (name, depth), png(pixels, depth, color, chunk(b"gAMA", struct.pack(">I", 100000))))
            keep("%s%d_adam7.png" % (name, depth), png(pixels, depth, color, b"", True))
    keep("dot.png", png(np.array([[[7, 77, 177]]]), 8, 2))
    keep("scene.png", saved(Image.fromarray(scene(37, 26)), "PNG"))


def jpegs():
    small = Image.fromarray(scene(17, 11))
    for name, mode in (("grey", "L"), ("color", "RGB"), ("cmyk", "CMYK")):
        for progressive in (False, True):
            ending = "_progressive.jpg" if progressive else ".jpg"
            keep(name + ending, saved(small.convert(mode), "JPEG", quality=85, progressive=progressive))
    for number, subsampling in enumerate((0, 1, 2, "4:1:1")):
        keep("sampled%d.jpg" % number, saved(small, "JPEG", quality=60, subsampling=subsampling))
    inks = saved(small.convert("CMYK"), "JPEG", quality=85)
    adobe = inks.index(b"Adobe") + 11  # how colours are transformed: 2 is YCCK
    keep("ycck.jpg", inks[:adobe] + b"\2" + inks[adobe + 1 :])
    keep("rgb.jpg", saved(small, "JPEG", keep_rgb=True))
    keep("restarts.jpg", saved(small, "JPEG", restart_marker_blocks=1))
    keep("dot.jpg", saved(Image.fromarray(scene(1, 1)), "JPEG"))
    keep("scene.jpg", saved(Image.fromarray(scene(45, 61)), "JPEG", quality=90))


def turned():
    image = Image.fromarray(scene(5, 3))
    for orientation in range(10):
        keep("exif%d.jpg" % orientation, saved(image, "JPEG", quality=95, exif=exif(orientation)))
    for orientation in (3, 6):
        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", xmp(orientation))
        data = exif(orientation).tobytes()
        raw = PngInfo()
        raw.add_text("Raw profile type exif", "\nexif\n%8d\n%s\n" % (len(data), data.hex()))
        keep("exif%d.png" % orientation, saved(image, "PNG", exif=exif(orientation)))
        keep("xmp%d.png" % orientation, saved(image, "PNG", pnginfo=info))
        keep("raw%d.png" % orientation, saved(image, "PNG", pnginfo=raw))
        plain, turned = saved(image, "PNG"), saved(image, "PNG", exif=exif(orientation))
        start = turned.index(b"eXIf") - 4
        end = start + 12 + int.from_bytes(turned[start : start + 4], "big")
        keep("late%d.png" % orientation, plain[:-12] + turned[start:end] + plain[-12:])  # behind the pixels
        keep("xmp%d.jpg" % orientation, saved(image, "JPEG", xmp=xmp(orientation).encode()))


def resized():
    sizes = ((1, 1), (2, 3), (16, 16), (60, 9), (7, 40))
    for name in ("dot.png", "scene.png", "scene.jpg", "grey4.png"):
        image = Image.fromarray(golden["read." + name])
        for width, height in sizes + ((image.width, 5), (5, image.height), (image.width - 1, 8)):
            for number in range(6):
                if width and height:
                    to = "resize.%s.%d.%d.%d" % (name, width, height, number)
                    golden[to] = np.array(image.resize((width, height), number))


CASES = {
    "siglip": {"image_processor_type": "SiglipImageProcessor", "size": {"height": 16, "width": 16},
               "resample": 3, "do_convert_rgb": None, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
               "do_resize": True, "do_rescale": True, "rescale_factor": 0.00392156862745098, "do_normalize": True},
    "fast": {"image_processor_type": "SiglipImageProcessorFast", "size": {"height": 12, "width": 20}, "resample": 2},
    "vit": {"image_processor_type": "ViTImageProcessor", "size": 14, "image_mean": [0.485, 0.456, 0.406],
            "image_std": [0.229, 0.224, 0.225]},
    "old": {"feature_extractor_type": "ViTFeatureExtractor", "size": [9, 13], "resample": 2, "do_resize": True},
    "crop": {"image_processor_type": "SiglipImageProcessor", "size": 15, "do_center_crop": True,
             "crop_size": {"height": 12, "width": 11}},
    "pad": {"image_processor_type": "ViTImageProcessor", "size": {"shortest_edge": 9}, "do_center_crop": True,
            "crop_size": 14, "resample": 1},
    "plain": {"image_processor_type": "ViTImageProcessor", "do_resize": False, "size": None, "do_center_crop": True,
              "crop_size": [10, 21], "do_normalize": False},
    "bytes": {"image_processor_type": "ViTImageProcessor", "size": 8, "resample": 4, "do_normalize": False,
              "do_rescale": False},
    "scaled": {"image_processor_type": "SiglipImageProcessor", "size": {"height": 8, "width": 8}, "resample": 0,
               "rescale_factor": 0.01, "image_mean": 0.3, "image_std": 0.7},
}


def processed():
    for name, case in CASES.items():
        with open(os.path.join(FOLDER, name + ".json"), "w") as file:
            json.dump(case, file, indent=1)
            file.write("\n")
        kind = str(case.get("image_processor_type", case.get("feature_extractor_type")))
        processor = (SiglipImageProcessorPil if kind.startswith("Siglip") else ViTImageProcessorPil)(**case)
        for file in ("scene.png", "scene.jpg", "exif6.jpg", "cmyk.jpg", "dot.png"):
            image = load_image(os.path.join(FOLDER, file))
            values = processor(image, return_tensors="np")["pixel_values"][0]
            golden["process.%s.%s" % (name, file)] = np.asarray(values).astype(np.float32)


assert int(PIL.__version__.split(".")[0]) >= 13, "Pillow 13 or later is wanted"
os.makedirs(FOLDER, exist_ok=True)
pngs()
jpegs()
turned()
resized()
processed()
save_file({key: np.ascontiguousarray(value) for key, value in golden.items()},
          os.path.join(FOLDER, "golden.safetensors"))
