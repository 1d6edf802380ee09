/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The assembler takes the files in as they are (see Makefile, which knows that this one depends on them). */
#include "actors/router/operator/web_templates.h"

#define TAKE_IN(name, file)                                                                                            \
    __asm__(".section .rodata\n"                                                                                       \
            ".local web_" name "\n"                                                                                    \
            "web_" name ":\n"                                                                                          \
            ".incbin \"actors/router/operator/pages/" file "\"\n"                                                      \
            "web_" name "_end:\n"                                                                                      \
            ".byte 0\n"                                                                                                \
            ".previous\n")

TAKE_IN("index", "index.html");
TAKE_IN("link", "link.html");
TAKE_IN("style", "style.css");
TAKE_IN("copy", "copy.js");
TAKE_IN("link_script", "link.js");
TAKE_IN("qr_script", "qr.js");
TAKE_IN("icon", "icon.svg");
TAKE_IN("apple", "apple-app-site-association");
TAKE_IN("android", "assetlinks.json");

#define TAKEN(name)                                                                                                    \
    __attribute__((visibility("hidden"))) extern const char web_##name[];                                              \
    __attribute__((visibility("hidden"))) extern const char web_##name##_end[]
TAKEN(index);
TAKEN(link);
TAKEN(style);
TAKEN(copy);
TAKEN(link_script);
TAKEN(qr_script);
TAKEN(icon);
TAKEN(apple);
TAKEN(android);

static const struct {
    const char *start, *end;
} templates[TEMPLATES] = {
    [TEMPLATE_INDEX] = {web_index, web_index_end},
    [TEMPLATE_LINK] = {web_link, web_link_end},
    [TEMPLATE_STYLE] = {web_style, web_style_end},
    [TEMPLATE_COPY] = {web_copy, web_copy_end},
    [TEMPLATE_LINK_SCRIPT] = {web_link_script, web_link_script_end},
    [TEMPLATE_QR_SCRIPT] = {web_qr_script, web_qr_script_end},
    [TEMPLATE_ICON] = {web_icon, web_icon_end},
    [TEMPLATE_APPLE] = {web_apple, web_apple_end},
    [TEMPLATE_ANDROID] = {web_android, web_android_end},
};

const char *web_template(enum web_template which, size_t *length) {
    *length = (size_t)(templates[which].end - templates[which].start);
    return templates[which].start;
}
