/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* For programs of one file: glibc's look-ups of names would load libnss_*.so of the machine, which may be of another
 * release. The two services that are part of libc.a need nothing from it. */
#include <nss.h>

__attribute__((constructor)) static void use_what_is_built_in(void) {
    static const char *const databases[] = {"hosts", "services", "passwd", "group"};
    for (unsigned index = 0; index < sizeof databases / sizeof databases[0]; index++)
        (void)__nss_configure_lookup(databases[index], index == 0 ? "files dns" : "files");
}
