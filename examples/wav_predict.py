#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sound through a trained model of seqtrain: WAV in, WAV out.

    python3 wav_predict.py --rows dry.wav wet.wav >amp.csv        # what a model is trained on
    seqtrain train -c amp.ini
    python3 wav_predict.py RUN dry.wav out.wav                    # by libseqtrain, sample by sample

WAV files are PCM of 16 bits, of one channel; samples are numbers from -1 to 1. amp.csv has the columns
"input" and "output". amp.ini is, for instance:

    [data]
    source = amp.csv
    features = input
    targets = output
    target_rows = window
    window = 512
    eval_window = 8192
    [model]
    type = recurrent
    hidden = 16

eval_window makes the model keep its state, so that each sample is answered at once.
"""
import sys
import wave

import numpy as np

from ctypes_predict import Model

FULL = 32768


def read_wav(path):
    """(samples [n] from -1 to 1, rate)"""
    with wave.open(path, "rb") as file:
        if file.getnchannels() != 1 or file.getsampwidth() != 2:
            sys.exit(f"{path}: not one channel of 16 bits")
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return samples / FULL, file.getframerate()


def write_wav(path, samples, rate):
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.clip(np.rint(samples * FULL), -FULL, FULL - 1).astype("<i2").tobytes())


def print_rows(dry, wet):
    print("input,output")
    for x, y in zip(read_wav(dry)[0], read_wav(wet)[0]):
        print(f"{x:.9g},{y:.9g}")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    if sys.argv[1] == "--rows":
        return print_rows(*sys.argv[2:])
    samples, rate = read_wav(sys.argv[2])
    with Model(sys.argv[1]) as model:
        played = [model.push([x])[0] for x in samples]
    write_wav(sys.argv[3], np.concatenate(played)[:, 0], rate)


if __name__ == "__main__":
    main()
