/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Raw transmissions of the tests. */
#include "test/support/raw_transmission.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "transport/wire/version.h"

void raw_transmission_add(struct peer *peer, const struct raw_transmission *transmission) {
    static uint8_t bytes[SMP_BLOCK_SIZE];
    struct writer writer = writer_of(bytes, sizeof bytes);
    struct slice session_id = transmission->session_id;
    write_short(&writer, transmission->authorization);
    if (peer->session.version >= SMP_VERSION_SERVICE && transmission->authorization.length > 0)
        write_slice(&writer, transmission->service_slot.length > 0 ? transmission->service_slot : slice_of_text("0"));
    if (peer->session.version < SMP_VERSION_AUTH) {
        if (session_id.bytes == NULL)
            session_id = slice_of(peer->session.session_id, peer->session.session_id_length);
        write_short(&writer, session_id);
    }
    write_short(&writer, transmission->correlation_id);
    write_short(&writer, transmission->entity_id);
    write_slice(&writer, transmission->command);
    assert_int_equal(SMQ_OK, writer_finish(&writer));
    peer_add_raw(peer, slice_of(bytes, writer_length(&writer)));
}

void raw_transmission_ask(struct peer *peer, const struct raw_transmission *transmission, struct peer_answer *answer) {
    peer_begin(peer);
    raw_transmission_add(peer, transmission);
    peer_send(peer);
    peer_receive(peer, answer);
}
