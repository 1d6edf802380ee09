/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Room for what grows, and who keeps it. */
#include "stores/lmdb/room.h"

#include <inttypes.h>
#include <unistd.h>

#include "queues/base/clock.h"
#include "queues/base/log.h"

enum {
    ALLOCATE_AHEAD = 2048,  /* pages asked from the file system at a time, beyond the reserve */
    MEASURE_MS = 200,       /* how often used pages are counted while there is room */
    TEND_MS = 60000,        /* how often readers are looked at while there is room; least time between two warnings */
    PRESSED_MS = 1000,      /* ... and while room is short */
    PINNED_NOTABLE = 16384, /* pages kept by one snapshot that are worth a warning */
};

void room_look_for_dead_readers(struct store *store) {
    unsigned dead = lmdb_readers_check(store->lmdb);
    if (dead > 0)
        log_warn("store: freed the places of %u readers whose process has died", dead);
}

/* The page that data must end before, so that the reserves stay free. On a disk that is nearly full the file grows by
 * what there is, by halves. */
static uint64_t limit_of(struct store *store, struct lmdb_pages *pages, uint64_t growth) {
    uint64_t reserve = STORE_RESERVE_BYTES / pages->page_size;
    uint64_t limit = store->map_size / pages->page_size;
    if (pages->end + growth + reserve > pages->allocated) {
        uint64_t ahead = growth > 0 ? growth + ALLOCATE_AHEAD : 0;
        while (lmdb_pages_allocate(store->lmdb, pages->end + reserve + ahead) != SMQ_OK && ahead > 0)
            ahead /= 2;
        lmdb_pages_get(store->lmdb, pages);
    }
    uint64_t on_disk = pages->allocated > reserve ? pages->allocated - reserve : 0;
    return on_disk < limit ? on_disk : limit;
}

/* ---- pages in use ---- */

struct use {
    uint64_t used;
    uint64_t pinned; /* free, but not to be used again yet */
    uint64_t spare;  /* used by nothing but the hope of new data */
    struct lmdb_readers readers;
};

/* LMDB leaves alone what the last transaction freed, also when nobody reads; that may be taken from the reserve for the
 * time of one commit. A snapshot that begins meanwhile is as new. */
static void look(struct store *store, const struct lmdb_pages *pages, struct use *use) {
    struct store_txn view = {.lmdb = store->writer_view, .store = store};
    lmdb_readers_get(store->lmdb, &use->readers);
    use->used = pages->end;
    use->pinned = 0;
    use->spare = 0;
    if (lmdb_begin(store->writer_view) != SMQ_OK)
        return;
    use->used = lmdb_pages_used(store->writer_view);
    if (store->layout->hooks != NULL)
        use->spare = store->layout->hooks->spare_bytes(&view) / pages->page_size;
    if (use->readers.oldest < pages->commit)
        use->pinned = lmdb_pages_pinned(store->writer_view, use->readers.oldest);
    lmdb_abort(store->writer_view);
}

bool room_allows_housekeeping(struct store *store) {
    struct lmdb_pages pages;
    struct use use;
    lmdb_pages_get(store->lmdb, &pages);
    uint64_t kept = STORE_RESERVE_BYTES / pages.page_size / 2;
    if (pages.end + kept <= pages.allocated && pages.end + kept <= pages.map)
        return true;
    look(store, &pages, &use);
    return use.used + use.pinned + kept <= pages.end;
}

/* Remembers since when the oldest snapshot is open, and warns when what it keeps is missed. */
static void note_pin(struct store *store, const struct lmdb_pages *pages, const struct use *use, uint64_t now_ms,
                     bool short_of_room) {
    struct store_pin *pin = &store->pin;
    if (use->readers.open == 0 || use->readers.oldest >= pages->commit) {
        pin->snapshot = 0;
        return;
    }
    if (pin->snapshot != use->readers.oldest || pin->process != use->readers.oldest_process) {
        pin->snapshot = use->readers.oldest;
        pin->process = use->readers.oldest_process;
        pin->since_ms = now_ms;
    }
    bool notable = use->pinned > PINNED_NOTABLE || (short_of_room && use->pinned > 0);
    if (!notable || now_ms - pin->since_ms < PRESSED_MS || (pin->told_ms != 0 && now_ms - pin->told_ms < TEND_MS))
        return;
    pin->told_ms = now_ms;
    log_warn("store: process %d%s reads a state of %" PRIu64 " s and %" PRIu64 " commits ago, which keeps %" PRIu64
             " MB from being used again%s",
             (int)pin->process, pin->process == getpid() ? " (this one)" : "", (now_ms - pin->since_ms) / 1000,
             pages->commit - pin->snapshot, use->pinned * pages->page_size >> 20,
             short_of_room ? "; end it to make room" : "");
}

/* ---- */

static void tend(struct store *store, const struct lmdb_pages *pages, struct use *use, uint64_t now_ms,
                 bool short_of_room) {
    if (store->tended_ms != 0 && now_ms - store->tended_ms < (short_of_room ? PRESSED_MS : TEND_MS))
        return;
    store->tended_ms = now_ms;
    room_look_for_dead_readers(store);
    look(store, pages, use);
}

uint64_t room_find(struct store *store, uint64_t growth) {
    struct lmdb_pages pages;
    struct use use;
    uint64_t now_ms = clock_monotonic_ms();
    store->growth = growth;
    store->is_short = false;
    lmdb_pages_get(store->lmdb, &pages);
    uint64_t limit = limit_of(store, &pages, growth);
    bool is_near = pages.end + growth > limit;
    bool is_due = store->measured_ms == 0 || now_ms - store->measured_ms >= MEASURE_MS;
    if (!is_near && !is_due)
        return pages.end < limit ? limit - pages.end : 0;
    store->measured_ms = now_ms;
    look(store, &pages, &use);
    store->is_short = is_near && use.used + use.pinned + growth >= limit;
    if (store->is_short && store->layout->purge_step != NULL) /* it finds out whether there is something to give */
        store->purge_pending = true;
    tend(store, &pages, &use, now_ms, store->is_short);
    note_pin(store, &pages, &use, now_ms, store->is_short);
    uint64_t taken = is_near ? use.used + use.pinned : pages.end;
    atomic_store_explicit(&store->used_bytes, (use.used - use.spare) * pages.page_size, memory_order_relaxed);
    atomic_store_explicit(&store->limit_bytes, limit * pages.page_size, memory_order_relaxed);
    return taken < limit ? limit - taken : 0;
}

/* LMDB finds a run among the free pages, or makes the file longer: where it holds much that is free it may, by a little
 * of the reserve. */
bool room_allows_run(struct store *store, uint64_t run, uint64_t taken) {
    struct lmdb_pages pages;
    struct use use;
    lmdb_pages_get(store->lmdb, &pages);
    uint64_t growth = store->growth + taken + run;
    uint64_t limit = limit_of(store, &pages, growth);
    if (pages.end + growth <= limit)
        return true;
    if (taken > 0 || pages.end + run > limit + STORE_RESERVE_BYTES / pages.page_size / 4)
        return false;
    look(store, &pages, &use);
    return use.used + use.pinned + growth + run <= limit;
}
