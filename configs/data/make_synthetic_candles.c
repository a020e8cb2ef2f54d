/* SPDX-License-Identifier: MIT */
/*
 * Writes synthetic candles, a made-up market, to standard output:
 *
 *     make_synthetic_candles | gzip -n9 > synthetic_candles.csv.gz
 *
 * One-minute candles with the columns timestamp_ms,open,high,low,close,volume. A price walks in 16
 * steps a minute through regimes that follow one another at random:
 *
 *     calm    small moves
 *     range   swings around a level, up and down with a steady period
 *     trend   drifts up or down
 *     shock   a few minutes of very large moves one way; what follows stays restless for a while
 *
 * The volatility clusters (a large move raises it, and it falls back slowly) and is higher at one
 * time of the day than at another. Volume follows the candle's height. Two holes in time, of 45
 * minutes and 4 hours, are there to be handled.
 *
 * All arithmetic is on integers, so that every machine writes the same bytes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "synthetic.h"

#define ROWS 24000
#define STEPS 16                       /* of the walk in a minute */
#define START INT64_C(1704067200000)   /* 2024-01-01T00:00:00Z */
#define BASE (2000 * INT64_C(1000000)) /* price the market stays around, in millionths */

enum regime { CALM, RANGE, TREND, SHOCK, REGIMES };

static const struct {
    int64_t volatility; /* of a minute */
    int shortest, longest, weight;
} about[REGIMES] = {
    [CALM] = {PER_MILLION(250), 120, 480, 30},
    [RANGE] = {PER_MILLION(450), 150, 600, 35},
    [TREND] = {PER_MILLION(600), 60, 360, 28},
    [SHOCK] = {PER_MILLION(2600), 4, 12, 7},
};

struct market {
    int64_t price;      /* in millionths */
    int64_t volatility; /* of a minute; returns and volatilities are in 1/ONE */
    enum regime regime;
    int left;          /* minutes until the next regime */
    int64_t direction; /* of trend and shock: strength of the drift in 1/64 of the volatility */
    int64_t level;     /* of range: its middle */
    int period;        /* of range: minutes of one swing */
};

static void next_regime(struct market *market)
{
    enum regime before = market->regime;
    while (market->regime == before) {
        int pick = random_between(0, 99);
        market->regime = CALM;
        while (pick >= about[market->regime].weight)
            pick -= about[market->regime++].weight;
    }
    market->left = random_between(about[market->regime].shortest, about[market->regime].longest);
    market->direction = random_between(0, 1) ? 1 : -1;
    market->direction *= market->regime == SHOCK ? random_between(40, 90) : random_between(6, 14);
    market->level = market->price;
    market->period = random_between(36, 90);
}

/* What pushes the price in this minute, as a return in 1/ONE. */
static int64_t drift(const struct market *market, int minute)
{
    int64_t push = (BASE - market->price) * (ONE / 4000) / BASE;
    if (market->regime == TREND || market->regime == SHOCK)
        push += market->volatility * market->direction / 64;
    if (market->regime == RANGE) {
        int64_t swing = market->level / 400 * triangle(minute, market->period) / 256;
        push += (market->level + swing - market->price) * (ONE / 12) / market->price;
    }
    return push;
}

/* Volatility goes back to its regime's, and up after a large move; `move` is the minute's return.
 */
static void update_volatility(struct market *market, int64_t move)
{
    int64_t target = about[market->regime].volatility;
    int64_t size = move < 0 ? -move : move;
    market->volatility += (target - market->volatility) / 20;
    market->volatility += (size - market->volatility * 4 / 5) / 10;
    market->volatility = clamp(market->volatility, target / 3, PER_MILLION(6000));
}

static void print_price(int64_t price)
{
    int64_t cents = (price + 5000) / 10000;
    printf(",%" PRId64 ".%02" PRId64, cents / 100, cents % 100);
}

/* In thousandths: grows with the candle's height beside a usual one of 8 in 10,000. */
static int64_t volume_of(int64_t height, int64_t price, int64_t day)
{
    int64_t noise = 0;
    for (int i = 0; i < 4; i++)
        noise += random_between(0, 512); /* 1024 on average */
    int64_t size = 8000 + 32000 * height / (price / 1250);
    return size * (noise + 512) / 1536 * day / 1024 + 1;
}

/* One minute: the candle goes to standard output. */
static void walk(struct market *market, int minute)
{
    if (market->left-- == 0)
        next_regime(market);
    int64_t day = 1024 + triangle(minute, 1440);
    int64_t push = drift(market, minute), open = market->price, high = open, low = open;
    for (int i = 0; i < STEPS; i++) {
        /* The steps' variances add up to the minute's, so each has a quarter of its volatility. */
        int64_t shake = market->volatility * day / 1024 * random_normal() / 65536 / 4;
        market->price += market->price * (push / STEPS + shake) / ONE;
        high = market->price > high ? market->price : high;
        low = market->price < low ? market->price : low;
    }
    update_volatility(market, (market->price - open) * ONE / open);
    int64_t volume = volume_of(high - low, market->price, day);

    printf("%" PRId64, START + (int64_t)minute * 60000);
    print_price(open);
    print_price(high);
    print_price(low);
    print_price(market->price);
    printf(",%" PRId64 ".%03" PRId64 "\n", volume / 1000, volume % 1000);
}

int main(void)
{
    struct market market = {.price = BASE, .volatility = about[CALM].volatility};
    puts("timestamp_ms,open,high,low,close,volume");
    for (int row = 0, minute = 0; row < ROWS; row++, minute++) {
        minute += row == 9000 ? 45 : row == 17500 ? 240 : 0;
        walk(&market, minute);
    }
    return fflush(stdout) || ferror(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
