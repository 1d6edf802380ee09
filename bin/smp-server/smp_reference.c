/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What becomes of the reference's commands: a change of the kind of its store is done already, what it was to write is
 * not there. */
#include "bin/smp-server/smp_reference.h"

#include <stdio.h>
#include <string.h>

#include "bin/smp-server/smp_import.h"

struct action {
    const char *command, *name;
    int code;
    const char *text;
};

static const struct action actions[] = {
    {"journal", "import", 0, "nothing to do: this router keeps messages in its own store, not in a journal"},
    {"journal", "export", 2, "there is no journal; `smp-server store export` writes the reference's files"},
    {"journal", "delete", 0, "nothing to do: this router has no journal"},
    {"database", "import", 0, "nothing to do: this router keeps queues in its own store, not in a database"},
    {"database", "export", 2, "there is no database; `smp-server store export` writes the reference's files"},
    {"database", "delete", 0, "nothing to do: this router has no database"},
};

static int run(const struct server_files *files, const char *command, const char *name) {
    if (strcmp(name, "import") == 0 && smp_import_at_start(files, false) != 0)
        return 1;
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        const struct action *action = &actions[i];
        if (strcmp(action->command, command) != 0 || strcmp(action->name, name) != 0)
            continue;
        (void)fprintf(action->code == 0 ? stdout : stderr, "smp-server %s %s: %s\n", command, name, action->text);
        return action->code;
    }
    (void)fprintf(stderr, "smp-server %s: unknown action %s: expected import, export or delete\n", command, name);
    return 1;
}

int smp_journal(const struct server_files *files, const char *action) {
    return run(files, "journal", action);
}

int smp_database(const struct server_files *files, const char *action) {
    return run(files, "database", action);
}
