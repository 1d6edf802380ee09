/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* File descriptions as users have them: files, and links. */
#pragma once

#include "transport/xftp/description.h"

/* Reads the description in the file, or in the link, that `word` names; `is_link` tells which. A mistake is printed;
 * NULL. Blocks for the file. */
struct xftp_description *xftp_description_read(const char *word, bool *is_link);
/* The same from YAML in a file. */
struct xftp_description *xftp_description_read_file(const char *path);
/* Writes it to a new file, mode 0600. A mistake is printed; false. */
bool xftp_description_save(const struct xftp_description *description, const char *path);
/* Prints the web link, or the app link. */
void xftp_description_print_link(const struct xftp_description *description, bool is_app);
