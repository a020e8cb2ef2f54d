/* SPDX-License-Identifier: MIT */
#include "exec/profile.h"

#include "util/now.h"

int profile_turn(struct profile *p, enum profile_turn turn, struct device *dev, struct error *err)
{
    if (p->turn == turn)
        return 0;
    if (device_finish(dev, err))
        return -1;
    double t = now();
    if (p->turn == TURN_ALONE)
        p->seconds += t - p->since;
    p->turn = turn;
    p->since = t;
    return 0;
}

int profile_step(struct profile *p, struct device *dev, struct error *err)
{
    if (!p->on || !p->steps)
        return profile_turn(p, TURN_NONE, dev, err);
    enum profile_turn turn = (p->steps - 1) % PROFILE_TURNS ? TURN_ALONE : TURN_WATCHED;
    return profile_turn(p, turn, dev, err);
}

void profile_step_done(struct profile *p)
{
    p->steps++;
    p->steps_watched += p->turn == TURN_WATCHED;
    p->steps_alone += p->turn == TURN_ALONE;
}
