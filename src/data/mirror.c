/* SPDX-License-Identifier: MIT */
#include "data/mirror.h"

#include "data/feature_functions.h"

static const struct mirror none = {MIRROR_NONE, 0}, stays = {MIRROR_STAYS, 0};

static struct mirror turns(double centre)
{
    return (struct mirror){MIRROR_TURNS, centre};
}

static int turns_about_0(struct mirror m)
{
    return m.kind == MIRROR_TURNS && m.centre == 0;
}

/* Of functions with one series or three, which are a candle's high, low and close. */
static struct mirror of_series(const struct feature *f, enum mirror_kind kind, struct mirror a)
{
    const double n = f->number[0];
    const int moves = kind == MIRROR_LEVEL || (kind == MIRROR_TURNS && !f->argument[1]);
    switch (f->function->nature) {
    case NATURE_LINEAR:
        return kind == MIRROR_LEVEL || !f->argument[1] ? a : none;
    case NATURE_SUM:
        return kind == MIRROR_LEVEL || turns_about_0(a) ? a : none;
    case NATURE_EXTREME:
    case NATURE_LOGARITHM:
        return kind == MIRROR_LEVEL ? a : none;
    case NATURE_DIFFERENCE:
        return moves ? turns(0) : none;
    case NATURE_RATIO:
        return kind == MIRROR_LEVEL ? turns(0) : none;
    case NATURE_SPREAD:
        return moves ? stays : none;
    case NATURE_SHARE:
        return kind == MIRROR_LEVEL ? stays : none;
    case NATURE_PLACE:
        return moves ? turns(f->function->centre) : none;
    case NATURE_RANK:
        return moves ? turns((1 - 1 / n) / 2) : none;
    case NATURE_EVEN:
        return turns_about_0(a) ? stays : none;
    case NATURE_ODD:
        return turns_about_0(a) ? a : none;
    case NATURE_BOUND:
        return kind == MIRROR_TURNS && f->number[0] + f->number[1] == 2 * a.centre ? a : none;
    default:
        return none;
    }
}

/* Of functions of two series. */
static struct mirror of_two(const struct feature *f, struct mirror a, struct mirror b)
{
    const int turned = turns_about_0(a) + turns_about_0(b);
    const int known = turned + (a.kind == MIRROR_STAYS) + (b.kind == MIRROR_STAYS) == 2;
    switch (f->function->nature) {
    case NATURE_LINEAR: /* add */
        if (a.kind == MIRROR_TURNS && b.kind == MIRROR_TURNS)
            return turns(a.centre + b.centre);
        return a.kind == MIRROR_LEVEL && b.kind == MIRROR_LEVEL ? a : none;
    case NATURE_SUBTRACTION:
        if (a.kind == MIRROR_TURNS && b.kind == MIRROR_TURNS)
            return turns(a.centre - b.centre);
        return a.kind == MIRROR_LEVEL && b.kind == MIRROR_LEVEL ? turns(0) : none;
    case NATURE_PRODUCT:
        return !known ? none : turned == 1 ? turns(0) : stays;
    case NATURE_QUOTIENT: /* by a level, as returns are: 1 + r becomes 1 - r */
        if (b.kind == MIRROR_LEVEL)
            return a.kind == MIRROR_LEVEL ? turns(1) : a.kind == MIRROR_STAYS || turned ? a : none;
        return !known ? none : turned == 1 ? turns(0) : stays;
    case NATURE_FLOW: /* obv(close,volume) */
        return a.kind == MIRROR_LEVEL && b.kind == MIRROR_STAYS ? turns(0) : none;
    case NATURE_EVEN:
        return turned == 2 ? stays : none;
    case NATURE_ODD:
        return turned == 2 ? turns(0) : none;
    default:
        return none;
    }
}

struct mirror mirror_of(const struct feature *feature, mirror_column *of, void *ctx)
{
    struct mirror a[FEATURE_ARGUMENTS] = {{0}};
    size_t count = 0, staying = 0, alike = 0;
    if (!feature->function)
        return (struct mirror){of(ctx, feature), 0};
    for (; count < FEATURE_ARGUMENTS && feature->argument[count]; count++) {
        a[count] = mirror_of(feature->argument[count], of, ctx);
        staying += a[count].kind == MIRROR_STAYS;
        alike += a[count].kind == a[0].kind;
    }
    if (staying == count) /* functions of the time have no argument */
        return stays;
    if (count == 2)
        return of_two(feature, a[0], a[1]);
    return alike == count ? of_series(feature, a[0].kind, a[0]) : none;
}

int mirror_follows(const struct feature *feature)
{
    if (!feature->function)
        return 1;
    switch (feature->function->nature) {
    case NATURE_DIFFERENCE:
    case NATURE_RATIO:
    case NATURE_SPREAD:
    case NATURE_SHARE:
    case NATURE_PLACE:
    case NATURE_RANK:
        return 0;
    case NATURE_QUOTIENT:
        return mirror_follows(feature->argument[0]) && !mirror_follows(feature->argument[1]);
    default:
        break;
    }
    for (size_t i = 0; i < FEATURE_ARGUMENTS && feature->argument[i]; i++)
        if (mirror_follows(feature->argument[i]))
            return 1;
    return 0;
}

int mirror_shares(const struct feature *a, const struct feature *b)
{
    for (size_t i = 0; i < FEATURE_ARGUMENTS && a->argument[i]; i++)
        if (mirror_shares(a->argument[i], b))
            return 1;
    return !a->function && feature_reads(b, a->text);
}
