/* SPDX-License-Identifier: BSD-3-Clause */
/* The workers as the pool's thread sees them: versions of the catalogue go to their inboxes. */
#ifndef APP_FOLLOW_H
#define APP_FOLLOW_H

#include "app/worker.h"
#include "mempool/keeper.h"

struct follow {
    struct worker *const *workers; /* which run */
    unsigned count;
};

/* follow must outlive the result's use. */
struct pool_readers follow_readers(struct follow *follow);

#endif
