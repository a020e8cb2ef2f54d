/* SPDX-License-Identifier: MIT */
/* Run while seqtrain is built: writes the key reference of seqtrain.ini(5) to standard output. */
#include <stdio.h>

#include "config/config.h"

int main(void)
{
    return config_reference(stdout) || fflush(stdout) ? 1 : 0;
}
