/* SPDX-License-Identifier: MIT */
/*
 * Writes the daily prices of one of six made-up stocks to standard output:
 *
 *     make_synthetic_stocks 3 | gzip -n9 > synthetic_stocks/stock_3.csv.gz
 *
 * Columns Date,Open,High,Low,Close,Volume, weekdays only. A price drifts up or down for weeks, by
 * up to two thirds of its volatility a day, so that past returns tell a little of future ones, much
 * more than in a market. The volatility clusters (a large move raises it, and it
 * falls back slowly). Volume follows the day's height.
 *
 * Two things are there to be handled: stock 3 is split five for one, and its prices before that are
 * not adjusted; stock 5 is halted for some days, without volume.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "synthetic.h"

#define STOCKS 6
#define DAYS 1500
#define STEPS 16                  /* of the walk in a day */
#define START INT64_C(1420416000) /* 2015-01-05, a Monday */
#define SPLIT_STOCK 3
#define SPLIT_DAY 900
#define HALT_STOCK 5
#define HALT_DAY 400
#define HALT_DAYS 5

struct stock {
    int64_t price;      /* in thousandths */
    int64_t base;       /* a price far from it tends back */
    int64_t usual;      /* volatility of a day; returns and volatilities are in 1/ONE */
    int64_t volatility; /* now */
    int64_t drift;      /* of a day, in 1/64 of the usual volatility */
    int64_t volume;     /* of a day of usual height */
    int left;           /* days until the next drift */
};

static void print_price(int64_t price)
{
    printf(",%" PRId64 ".%02" PRId64, price / 1000, price % 1000 / 10);
}

static void print_day(int day, int64_t open, int64_t high, int64_t low, int64_t close,
                      int64_t volume)
{
    time_t at = START + (int64_t)(day / 5 * 7 + day % 5) * 86400;
    char date[16];
    strftime(date, sizeof date, "%Y-%m-%d", gmtime(&at));
    fputs(date, stdout);
    print_price(open);
    print_price(high);
    print_price(low);
    print_price(close);
    printf(",%" PRId64 "\n", volume);
}

static void move(struct stock *s, int64_t share)
{
    s->price += s->price * share / ONE;
}

/* One day's trade: a step overnight, then the walk. */
static void trade(struct stock *s, int day)
{
    if (s->left-- <= 0) {
        s->left = random_between(15, 45);
        s->drift = random_between(20, 40);
        if (random_between(0, (int)((s->base + s->price) / 1000)) > s->base / 1000)
            s->drift = -s->drift;
    }
    int64_t before = s->price;
    move(s, s->volatility * random_normal() / 65536 / 3);
    int64_t open = s->price, high = open, low = open, push = s->usual * s->drift / 64;
    for (int i = 0; i < STEPS; i++) {
        /* The steps' variances add up to the day's, so each has a quarter of its volatility. */
        move(s, push / STEPS + s->volatility * random_normal() / 65536 / 4);
        high = s->price > high ? s->price : high;
        low = s->price < low ? s->price : low;
    }
    int64_t change = (s->price - before) * ONE / before, size = change < 0 ? -change : change;
    s->volatility += (s->usual - s->volatility) / 15 + (size - s->volatility * 4 / 5) / 8;
    s->volatility = clamp(s->volatility, s->usual / 2, 3 * s->usual);

    int64_t height = (high - low) * ONE / open * 100 / s->usual; /* per cent of a usual one */
    print_day(day, open, high, low, s->price,
              s->volume * (20 + height) / 100 * random_between(60, 140) / 100);
}

int main(int argc, char **argv)
{
    int number = argc == 2 ? atoi(argv[1]) : 0;
    if (number < 1 || number > STOCKS) {
        fprintf(stderr, "usage: make_synthetic_stocks 1..%d\n", STOCKS);
        return EXIT_FAILURE;
    }
    draw = (uint64_t)number << 32;
    struct stock stock = {.price = 1000 * (int64_t)random_between(20, 400),
                          .usual = PER_MILLION(random_between(8000, 20000)),
                          .volume = random_between(2000, 90000)};
    stock.volatility = stock.usual;
    stock.base = stock.price;
    puts("Date,Open,High,Low,Close,Volume");
    for (int day = 0; day < DAYS; day++) {
        if (number == SPLIT_STOCK && day == SPLIT_DAY) {
            stock.price /= 5;
            stock.base /= 5;
            stock.volume *= 5;
        }
        if (number == HALT_STOCK && day >= HALT_DAY && day < HALT_DAY + HALT_DAYS)
            print_day(day, stock.price, stock.price, stock.price, stock.price, 0);
        else
            trade(&stock, day);
    }
    return fflush(stdout) || ferror(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
