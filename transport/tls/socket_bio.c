/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* OpenSSL's own socket BIO uses write(2), which raises SIGPIPE in the threads of an embedding program; this one does
 * not. */
#include "transport/tls/socket_bio.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/socket.h>

static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static int descriptor_of(BIO *bio) {
    return (int)(intptr_t)BIO_get_data(bio);
}

static const bool *more_follows(BIO *bio) {
    return BIO_get_app_data(bio);
}

static int is_retryable(int error) {
    return error == EAGAIN || error == EINTR;
}

static int socket_read(BIO *bio, char *bytes, int size) {
    BIO_clear_retry_flags(bio);
    ssize_t got = recv(descriptor_of(bio), bytes, (size_t)size, 0);
    if (got < 0 && is_retryable(errno))
        BIO_set_retry_read(bio);
    return (int)got;
}

static int socket_write(BIO *bio, const char *bytes, int length) {
    BIO_clear_retry_flags(bio);
    int flags = MSG_NOSIGNAL | (*more_follows(bio) ? MSG_MORE : 0);
    ssize_t sent = send(descriptor_of(bio), bytes, (size_t)length, flags);
    if (sent < 0 && is_retryable(errno))
        BIO_set_retry_write(bio);
    return (int)sent;
}

static long socket_control(BIO *bio, int command, long number, void *pointer) {
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static int socket_init(BIO *bio) {
    BIO_set_init(bio, 1);
    return 1;
}

static void make_method(void) {
    BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    if (made == NULL)
        return;
    if (BIO_meth_set_read(made, socket_read) != 1 || BIO_meth_set_write(made, socket_write) != 1 ||
        BIO_meth_set_ctrl(made, socket_control) != 1 || BIO_meth_set_create(made, socket_init) != 1)
        BIO_meth_free(made);
    else
        method = made;
}

const BIO_METHOD *socket_bio_method(void) {
    pthread_once(&method_once, make_method);
    return method;
}

BIO *socket_bio_create(int descriptor, const bool *more_follows) {
    const BIO_METHOD *socket_method = socket_bio_method();
    BIO *bio = socket_method == NULL ? NULL : BIO_new(socket_method);
    if (bio == NULL)
        return NULL;
    BIO_set_data(bio, (void *)(intptr_t)descriptor);
    if (BIO_set_app_data(bio, (void *)(uintptr_t)more_follows) != 1) {
        BIO_free(bio);
        return NULL;
    }
    return bio;
}
