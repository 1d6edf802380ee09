/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* X-macro: the names of all fault points, sorted. To add one: a line here, and FAULT(name) where a call can fail. */
FAULT_NAME(actor_turn)
FAULT_NAME(eventfd_create)
FAULT_NAME(memory_alloc)
FAULT_NAME(pem_file_step)
FAULT_NAME(socket_accept)
FAULT_NAME(store_commit_full)
FAULT_NAME(store_commit_io)
FAULT_NAME(store_panic)
FAULT_NAME(store_sync)
FAULT_NAME(thread_create)
