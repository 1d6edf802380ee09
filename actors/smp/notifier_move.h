/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* NSUB moves a notifier to the service of its session, or to none; struct notifier_move (command_batch.h) says where it
 * was. Process and subscriber lanes ask for it, the writer decides. */
#pragma once

#include "actors/smp/command_slot.h"
#include "queues/base/cursor.h"

/* Has the writer note which service the notifier belongs to, that of the slot's session or none; then the slot goes to
 * its subscriber lane (SUBSCRIBER_NOTIFIER_MOVED). Any thread. */
void notifier_move_submit(struct command_slot *slot);
/* Notes the service of a notifier that is about to change; an id that is not ours is none, since nobody can hold it. */
void notifier_move_note(struct notifier_move *move, struct slice service_id);
