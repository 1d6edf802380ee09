/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Replays a capture of SMP sessions (test/vectors/smp) through our codecs and cryptography: everything is parsed,
 * verified with the named keys, compared with what the capture says, written and signed again, encrypted again, and
 * must then be the same bytes. */
#pragma once

/* How much was checked, so that a test can tell that nothing was passed over. */
struct smp_capture_counts {
    unsigned server_hellos, client_hellos, service_answers;
    unsigned blocks;    /* after the handshake, the whole of which was written again */
    unsigned cut;       /* the capture has only their beginning, and that was compared */
    unsigned commands;  /* those inside of proxied ones too */
    unsigned responses; /* likewise */
    unsigned ed25519, ed448, authenticators;
    unsigned service_signatures;
    unsigned messages, notifications; /* bodies and metadata, opened and sealed again */
    unsigned layers;                  /* of proxied commands and answers: payloads of PFWD, RFWD, RRES and PRES */
};

void smp_capture_replay(const char *path, struct smp_capture_counts *counts);
