/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Bodies of pushes. */
#include "transport/push/payload.h"

#include "transport/wire/text.h"

static void write_member(struct writer *writer, const char *before, struct slice value) {
    write_text(writer, before);
    write_base64(writer, value, BASE64_URL);
    write_text(writer, "\"");
}

/* The members of Apple's notificationData come in the order of their names. */
void push_apns_body_write(struct writer *writer, enum push_kind kind, const uint8_t nonce[BOX_NONCE_SIZE],
                          struct slice sealed) {
    static const char background[] = "{\"aps\":{\"content-available\":1},\"notificationData\":{";
    static const char alert[] = "{\"aps\":{\"mutable-content\":1,\"alert\":\"Encrypted message or another app event\","
                                "\"category\":\"NTF_CAT_CHECK_MESSAGE\"},\"notificationData\":{";
    write_text(writer, kind == PUSH_MESSAGE ? alert : background);
    switch (kind) {
    case PUSH_VERIFICATION:
        write_member(writer, "\"nonce\":\"", slice_of(nonce, BOX_NONCE_SIZE));
        write_member(writer, ",\"verification\":\"", sealed);
        break;
    case PUSH_MESSAGE:
        write_member(writer, "\"message\":\"", sealed);
        write_member(writer, ",\"nonce\":\"", slice_of(nonce, BOX_NONCE_SIZE));
        break;
    case PUSH_CHECK_MESSAGES:
        write_text(writer, "\"checkMessages\":true");
        break;
    }
    write_text(writer, "}}");
}

void push_web_body_write(struct writer *writer, enum push_kind kind, const uint8_t nonce[BOX_NONCE_SIZE],
                         struct slice sealed) {
    if (kind == PUSH_CHECK_MESSAGES) {
        write_text(writer, "{\"checkMessages\":true}");
        return;
    }
    write_member(writer, "{\"nonce\":\"", slice_of(nonce, BOX_NONCE_SIZE));
    write_member(writer, kind == PUSH_VERIFICATION ? ",\"verification\":\"" : ",\"message\":\"", sealed);
    write_text(writer, "}");
}

const char *push_apns_type(enum push_kind kind) {
    return kind == PUSH_MESSAGE ? "alert" : "background";
}
