#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints tests/golden/calendar.txt: times of rows as files have them, and those that pandas gives for
the rows that follow. A line is NAME|ZONE|first row|rows x step, ...|rows that follow; all in minutes,
instants since 1970. The file in the tree was made with pandas 3.1.1.

    venv/bin/pip install pandas && venv/bin/python make_calendar_golden.py"""
import itertools

import pandas as pd

MINUTE = 60000
AHEAD = 6


def minutes(times):
    times = times.tz_localize("UTC") if times.tz is None else times.tz_convert("UTC")
    return [int(t.value // 10**6) // MINUTE for t in times]


def put(name, zone, times, rows, without=()):
    """The first `rows` of times, but those at the places `without`; then what follows."""
    all_minutes = minutes(times)
    known = [m for i, m in enumerate(all_minutes[:rows]) if i not in without]
    steps = [(len(list(group)), step) for step, group in
             itertools.groupby(b - a for a, b in zip(known, known[1:]))]
    print(name, zone or "UTC", known[0], " ".join(f"{n}x{step}" for n, step in steps),
          " ".join(str(m) for m in all_minutes[rows:rows + AHEAD]), sep="|")


def every(freq, start, **more):
    return pd.date_range(start, periods=400, freq=freq, **more)


def sessions(days, opens, zone=None):
    """Each day's rows: opens is a list of (first, last, step)."""
    parts = []
    for day in days:
        for first, last, step in opens:
            date = day.strftime("%Y-%m-%d ")
            parts += list(pd.date_range(date + first, date + last, freq=step, tz=zone))
    return pd.DatetimeIndex(parts)


put("hours", None, every("h", "2024-01-01 05:00"), 48)
put("minutes with outages", None, every("min", "2021-04-20"), 300, set(range(120, 150)) | {200, 201})
put("days", None, every("D", "2024-01-01"), 40)
put("days over a change of clocks", "Europe/Berlin", every("D", "2024-02-20", tz="Europe/Berlin"), 39)
put("weekdays", None, pd.bdate_range("2024-01-02", periods=100), 48)
put("weekdays with holidays", None, pd.bdate_range("2024-01-02", periods=100), 58, {9, 34, 56})
put("weekdays of an offset", None,
    pd.bdate_range("2024-01-02", periods=100, tz="Asia/Seoul"), 49)
put("weekdays with a long hole", None, pd.bdate_range("2023-01-02", periods=300), 245, set(range(30, 210)))
put("Sunday to Thursday", None,
    pd.bdate_range("2024-01-02", periods=100, freq="C", weekmask="Sun Mon Tue Wed Thu"), 43)
put("Fridays", None, every("W-FRI", "2024-01-01"), 30)
for freq, name in [("MS", "months' first days"), ("ME", "months' last days"),
                   ("BMS", "months' first weekdays"), ("BME", "months' last weekdays"),
                   ("QS", "quarters"), ("QE", "quarters' last days"), ("BQE", "quarters' last weekdays"),
                   ("YS", "years"), ("YE", "years' last days"), ("2MS", "every second month")]:
    put(name, None, every(freq, "1990-01-01")[:100], 43)
put("months' last days with a hole", None, every("ME", "2001-01-01"), 38, {20, 21})
put("months of the 18th century", None, every("ME", "1750-01-01"), 50)
put("the 15th", None, every("MS", "2010-01-01") + pd.Timedelta(days=14), 30)
put("months of a zone", "America/New_York", every("MS", "2020-01-01", tz="America/New_York"), 27)
weekdays = pd.bdate_range("2024-02-19", periods=40)
put("a session", "Asia/Seoul",
    sessions(weekdays, [("09:00", "15:20", "10min"), ("15:30", "15:30", "1min")], "Asia/Seoul"), 10 * 40)
put("two sessions a day", "Asia/Tokyo",
    sessions(weekdays, [("09:00", "11:30", "30min"), ("12:30", "15:00", "30min")], "Asia/Tokyo"), 151)
put("sessions over a change of clocks", "America/New_York",
    sessions(weekdays, [("09:30", "15:30", "h")], "America/New_York"), 15 * 7)
put("a session every day", None, sessions(every("D", "2024-03-01"), [("08:00", "20:00", "h")]), 12 * 13)
put("a session after a holiday", None, sessions(weekdays, [("10:00", "14:00", "h")]), 20 * 5,
    set(range(35, 40)) | {61, 98})
hours = every("h", "2024-01-07", tz="America/New_York").append(
    pd.date_range("2024-01-23 16:00", periods=800, freq="h", tz="America/New_York"))
place = hours.day_of_week * 24 + hours.hour
put("foreign exchange", "America/New_York", hours[(place < 4 * 24 + 17) | (place >= 6 * 24 + 17)], 487)
