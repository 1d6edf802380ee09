/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The commands of the library: what each is in SMP, and what answers it. */
#include "actors/client/smp/smp_request.h"

#define ANSWER(tag) (UINT32_C(1) << (tag))

static const struct smp_rule rules[SMQ_COMMAND_COUNT] = {
    [SMQ_COMMAND_CREATE] = {SMP_NEW, .life = {.has_answer = true}, .answers = ANSWER(SMP_IDS)},
    [SMQ_COMMAND_SUBSCRIBE] = {SMP_SUB, .life = {.background = true, .enables_pings = true},
                               .answers = ANSWER(SMP_OK) | ANSWER(SMP_SOK) | ANSWER(SMP_MSG)},
    [SMQ_COMMAND_SECURE] = {SMP_KEY, .answers = ANSWER(SMP_OK)},
    [SMQ_COMMAND_SET_RECIPIENT_KEYS] = {SMP_RKEY, .answers = ANSWER(SMP_OK)},
    [SMQ_COMMAND_SET_LINK] = {SMP_LSET, .answers = ANSWER(SMP_OK)},
    [SMQ_COMMAND_DELETE_LINK] = {SMP_LDEL, .answers = ANSWER(SMP_OK)},
    [SMQ_COMMAND_ENABLE_NOTIFICATIONS] = {SMP_NKEY, .life = {.background = true, .has_answer = true},
                                          .answers = ANSWER(SMP_NID)},
    [SMQ_COMMAND_DISABLE_NOTIFICATIONS] = {SMP_NDEL, .life = {.background = true}, .answers = ANSWER(SMP_OK)},
    [SMQ_COMMAND_GET_MESSAGE] = {SMP_GET, .life = {.has_answer = true}, .answers = ANSWER(SMP_OK) | ANSWER(SMP_MSG)},
    [SMQ_COMMAND_ACKNOWLEDGE] = {SMP_ACK, .life = {.background = true}, .answers = ANSWER(SMP_OK) | ANSWER(SMP_MSG)},
    [SMQ_COMMAND_SUSPEND] = {SMP_OFF, .answers = ANSWER(SMP_OK)},
    [SMQ_COMMAND_DELETE] = {SMP_DEL, .answers = ANSWER(SMP_OK)},
    [SMQ_COMMAND_INFO] = {SMP_QUE, .life = {.has_answer = true}, .answers = ANSWER(SMP_INFO)},
    [SMQ_COMMAND_SECURE_AS_SENDER] = {SMP_SKEY, .answers = ANSWER(SMP_OK)},
    [SMQ_COMMAND_SEND] = {SMP_SEND, .answers = ANSWER(SMP_OK)},
    [SMQ_COMMAND_SECURE_BY_LINK] = {SMP_LKEY, .life = {.has_answer = true}, .answers = ANSWER(SMP_LNK)},
    [SMQ_COMMAND_GET_LINK] = {SMP_LGET, .life = {.has_answer = true}, .answers = ANSWER(SMP_LNK)},
    [SMQ_COMMAND_SUBSCRIBE_NOTIFICATIONS] = {SMP_NSUB, .life = {.background = true, .enables_pings = true},
                                             .answers = ANSWER(SMP_OK) | ANSWER(SMP_SOK)},
    [SMQ_COMMAND_PING] = {SMP_PING, .life = {.background = true}, .answers = ANSWER(SMP_PONG)},
    [SMQ_COMMAND_SUBSCRIBE_SERVICE] = {SMP_SUBS,
                                       .life = {.background = true, .enables_pings = true, .has_answer = true},
                                       .answers = ANSWER(SMP_SOKS)},
    [SMQ_COMMAND_PROXY] = {SMP_PRXY, .answers = ANSWER(SMP_PKEY)},
};

const struct smp_rule *smp_rule(enum smq_command command) {
    return &rules[command];
}

const char *smq_command_text(enum smq_command command) {
    return command > SMQ_COMMAND_NONE && command < SMQ_COMMAND_COUNT ? smp_command_info(rules[command].tag)->text : "";
}
