/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The files of the folder `pages`, in the program. Each ends with a zero that its length does not count. In pages
 * {{NAME}} is put in by web_site.c. */
#pragma once

#include <stddef.h>

enum web_template {
    TEMPLATE_INDEX,
    TEMPLATE_LINK,
    TEMPLATE_STYLE,
    TEMPLATE_COPY,
    TEMPLATE_LINK_SCRIPT,
    TEMPLATE_QR_SCRIPT,
    TEMPLATE_ICON,
    TEMPLATE_APPLE,
    TEMPLATE_ANDROID,
    TEMPLATES
};

const char *web_template(enum web_template which, size_t *length);
