#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""journal.py asha|median FOLDER [KEY=VALUE ...]: puts what the pruner of a sweep has decided, by the
journals in its folder and in their order, to Optuna's pruner, and tells how many decisions differ.
KEY=VALUE: min_resource, reduction_factor, startup_trials, warmup_steps, where they are not the defaults;
maximize=1 where a high figure is good. For sweeps that one supervisor has trained: it has read all that
stands before a decision. Needs optuna 5."""
import glob
import json
import sys

import optuna
from optuna.trial import TrialState


def events(folder):
    """All whole lines, in the journals' order."""
    found = []
    for path in glob.glob(folder + "/journal/*.jsonl"):
        with open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines):
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                found.append((event["n"], path, number, event))
    return [event for *_, event in sorted(found, key=lambda e: e[:3])]


def pruner_of(kind, keys):
    if kind == "asha":
        return optuna.pruners.SuccessiveHalvingPruner(
            min_resource=keys.get("min_resource", 1), reduction_factor=keys.get("reduction_factor", 4))
    return optuna.pruners.MedianPruner(
        n_startup_trials=keys.get("startup_trials", 5), n_warmup_steps=keys.get("warmup_steps", 0))


def main():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    keys = {key: int(value) for key, value in (word.split("=") for word in sys.argv[3:])}
    study = optuna.create_study(pruner=pruner_of(sys.argv[1], keys),
                                direction="maximize" if keys.get("maximize") else "minimize")
    trials = {}
    decisions = ends = differ = 0
    for event in events(sys.argv[2]):
        run, kind = event.get("run"), event["event"]
        if kind == "started" and run not in trials:
            trials[run] = study.ask()
        elif kind == "report":
            trial = trials[run] = trials.get(run) or study.ask()
            figure = event["figure"]
            trial.report(float("nan") if figure is None else figure, event["epoch"])
            prunes = trial.should_prune()
            if event["decision"] != "end":
                decisions += 1
                ends += prunes
                differ += prunes != (event["decision"] == "prune")
            if event["decision"] == "prune":
                study.tell(trial, state=TrialState.PRUNED)
        elif kind == "ended":
            study.tell(trials[run], event["best"])
    print(f"{decisions} decisions, of them ends {ends}, differ {differ}")
    return 1 if differ or not decisions else 0


if __name__ == "__main__":
    sys.exit(main())
