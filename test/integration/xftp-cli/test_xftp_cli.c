/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The xftp command against xftp-server: what it prints, what it makes, what it refuses, and how it goes on. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queues/base/clock.h"
#include "test/support/require.h"
#include "test/support/xftp_process.h"
#include "transport/wire/text.h"

enum { WORDS_MAX = 16, PATH_MAX_SIZE = 256 };

static struct xftp_process server;
static char folder[80], tmp[96], address[256], output[262144];

static int set_up(void **state) {
    (void)state;
    xftp_process_init(&server, "storage_quota: 1gb\n");
    xftp_process_start(&server);
    (void)snprintf(folder, sizeof folder, "%s/work", server.root);
    (void)snprintf(tmp, sizeof tmp, "%s/work/tmp", server.root);
    require(mkdir(folder, 0700) == 0 && mkdir(tmp, 0700) == 0);
    struct writer writer = writer_of(address, sizeof address - 1);
    write_text(&writer, "xftp://");
    write_base64(&writer, slice_of(server.fingerprint, FINGERPRINT_SIZE), BASE64_URL);
    write_text(&writer, "@127.0.0.1:");
    write_decimal(&writer, server.port);
    address[writer_length(&writer)] = '\0';
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    xftp_process_finish(&server);
    return 0;
}

#define CLI_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

static const char *path_in(const char *name) {
    static char paths[4][PATH_MAX_SIZE];
    static unsigned next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, PATH_MAX_SIZE, "%s/%s", folder, name);
    return path;
}

/* Begins `xftp` with these words, NULL behind. */
static struct process *begin(const char *const *words) {
    const char *argv[WORDS_MAX] = {BUILD_DIR "/bin/xftp"};
    for (unsigned i = 0; words[i] != NULL; i++)
        argv[i + 1] = words[i];
    return process_start(argv, "y\n");
}

/* The exit code; what it printed is in `output`. */
static int end(struct process *process) {
    int status = process_wait(process, XFTP_DEADLINE_MS);
    (void)snprintf(output, sizeof output, "%s", process_output(process));
    process_destroy(&process);
    return status;
}

#define XFTP(...) end(begin((const char *const[]){__VA_ARGS__, NULL}))

static void expect_output(const char *text) {
    if (strstr(output, text) == NULL)
        fail_msg("'%s' is not in: %s", text, output);
}

static void make_file(const char *path, size_t size) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (size_t i = 0; i < size; i++)
        (void)fputc((int)(i * 31 + (i >> 8) * 7 + (i >> 17)), file);
    assert_int_equal(fclose(file), 0);
}

static void expect_same(const char *a, const char *b) {
    FILE *first = fopen(a, "r"), *second = fopen(b, "r");
    assert_non_null(first);
    assert_non_null(second);
    int x, y;
    do {
        x = fgetc(first);
        y = fgetc(second);
        assert_int_equal(x, y);
    } while (x != EOF);
    fclose(first);
    fclose(second);
}

static unsigned count_entries(const char *path) {
    unsigned count = 0;
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory))
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(directory);
    return count;
}

static unsigned chunk_files(void) {
    return count_entries(server.files) - 1; /* .incoming */
}

static void send_file(const char *name, size_t size) {
    make_file(path_in(name), size);
    assert_int_equal(XFTP("send", path_in(name), folder, "-s", address, "--tmp", tmp), 0);
}

static void test_a_file_is_sent_received_and_deleted(void **state) {
    (void)state;
    make_file(path_in("a.txt"), 700000);
    assert_int_equal(XFTP("send", path_in("a.txt"), folder, "-n", "2", "-s", address, "--tmp", tmp), 0);
    expect_output("Encrypting file...       \rUploading file...        \r");
    expect_output("Uploaded 100%            \rFile uploaded!           \r\nSender file description: ");
    expect_output("/a.txt.xftp/snd.xftp.private\nPass file descriptions to the recipient(s):\n");
    expect_output("/a.txt.xftp/rcv2.xftp\n\nWeb link:\nhttps://127.0.0.1/#");
    assert_int_equal(count_entries(tmp), 0);
    assert_int_equal(chunk_files(), 5); /* 2 of 256 KiB, 3 of 64 KiB */
    assert_int_equal(mkdir(path_in("got"), 0700), 0);
    assert_int_equal(XFTP("recv", path_in("a.txt.xftp/rcv1.xftp"), path_in("got"), "-y", "--tmp", tmp), 0);
    expect_output("Downloading file...      \r");
    expect_output("Decrypting file...       \rFile downloaded: ");
    expect_output("rcv1.xftp is deleted.\n");
    expect_same(path_in("a.txt"), path_in("got/a.txt"));
    assert_int_equal(access(path_in("a.txt.xftp/rcv1.xftp"), F_OK), -1);
    assert_int_equal(count_entries(tmp), 0);
    assert_int_equal(XFTP("recv", path_in("a.txt.xftp/rcv2.xftp"), path_in("other"), "--tmp", tmp), 0);
    expect_same(path_in("a.txt"), path_in("other"));
    assert_int_equal(XFTP("del", path_in("a.txt.xftp/snd.xftp.private")), 0);
    expect_output("File deleted!            \r\n");
    assert_int_equal(chunk_files(), 0);
}

static void test_a_link_leads_to_the_file(void **state) {
    (void)state;
    char link[8192];
    send_file("a.txt", 1000);
    assert_int_equal(XFTP("link", path_in("a.txt.xftp/rcv1.xftp")), 0);
    expect_output("https://127.0.0.1/#");
    (void)snprintf(link, sizeof link, "%.*s", (int)strcspn(output, "\n"), output);
    assert_int_equal(XFTP("recv", link, path_in("got"), "--tmp", tmp), 0);
    expect_same(path_in("a.txt"), path_in("got"));
    send_file("b.txt", 1000);
    assert_int_equal(XFTP("link", path_in("b.txt.xftp/rcv1.xftp"), "--app"), 0);
    expect_output("/file#/?desc=");
    (void)snprintf(link, sizeof link, "%.*s", (int)strcspn(output, "\n"), output);
    assert_int_equal(XFTP("recv", link, path_in("got2"), "--tmp", tmp), 0);
    expect_same(path_in("b.txt"), path_in("got2"));
}

static void test_descriptions_are_shown(void **state) {
    (void)state;
    send_file("a.txt", 1000);
    assert_int_equal(XFTP("info", path_in("a.txt.xftp/rcv1.xftp")), 0);
    expect_output("Recipient file description\nFile download size: 64kb\nFile server(s):\nxftp://");
    expect_output(": 64kb\n");
    assert_int_equal(XFTP("info", path_in("a.txt.xftp/snd.xftp.private")), 0);
    expect_output("Sender file description\n");
    assert_int_equal(XFTP("rand", path_in("r"), "64kb"), 0);
    expect_output("File created: ");
    struct stat status;
    assert_int_equal(stat(path_in("r"), &status), 0);
    assert_int_equal(status.st_size, 65536);
}

static void test_what_cannot_be_is_refused(void **state) {
    (void)state;
    send_file("a.txt", 1000);
    assert_int_equal(XFTP("recv", path_in("a.txt.xftp/snd.xftp.private"), folder), 1);
    expect_output("incorrect XFTP party");
    assert_int_equal(XFTP("del", path_in("a.txt.xftp/rcv1.xftp")), 1);
    expect_output("incorrect XFTP party");
    assert_int_equal(XFTP("recv", path_in("a.txt.xftp/rcv1.xftp"), path_in("a.txt")), 1);
    expect_output("File already exists");
    assert_int_equal(XFTP("recv", path_in("a.txt"), folder), 1);
    expect_output("invalid file description");
    assert_int_equal(XFTP("send", path_in("missing"), folder, "-s", address), 1);
    assert_int_equal(XFTP("send", path_in("a.txt"), folder, "-s", "nonsense"), 1);
    expect_output("invalid server address");
    assert_int_equal(XFTP("del", path_in("a.txt.xftp/snd.xftp.private")), 0);
    assert_int_equal(XFTP("recv", path_in("a.txt.xftp/rcv1.xftp"), path_in("got"), "--tmp", tmp), 1);
    expect_output("PCEProtocolError AUTH");
    assert_int_equal(access(path_in("got"), F_OK), -1);
}

/* The router of this address has another identity. */
static void test_another_router_gets_nothing(void **state) {
    (void)state;
    char other[256];
    make_file(path_in("a.txt"), 1000);
    (void)snprintf(other, sizeof other, "xftp://AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=@127.0.0.1:%u",
                   server.port);
    assert_int_equal(XFTP("send", path_in("a.txt"), folder, "-s", other, "--tmp", tmp), 1);
    assert_int_equal(chunk_files(), 0);
}

/* Runs until it has printed `text`, then kills it. */
static void run_and_kill(struct process *process, const char *text) {
    assert_true(process_wait_output(process, text, XFTP_DEADLINE_MS));
    process_signal(process, SIGKILL);
    assert_int_equal(end(process), 128 + SIGKILL);
}

static void test_a_killed_sender_goes_on(void **state) {
    (void)state;
    const char *words[] = {"send", NULL, folder, "-s", address, "--tmp", tmp, "-j", "1", NULL};
    char path[PATH_MAX_SIZE];
    (void)snprintf(path, sizeof path, "%s", path_in("big.bin"));
    words[1] = path;
    make_file(path, 13 * 1024 * 1024);
    run_and_kill(begin(words), "Uploaded 2");
    unsigned before = chunk_files();
    assert_true(before > 0);
    assert_int_equal(count_entries(tmp), 1);
    assert_int_equal(end(begin(words)), 0);
    assert_int_equal(chunk_files(), 5); /* none was sent twice: 3 of 4 MiB, 2 of 1 MiB */
    assert_int_equal(count_entries(tmp), 0);
    assert_int_equal(XFTP("recv", path_in("big.bin.xftp/rcv1.xftp"), path_in("got"), "--tmp", tmp), 0);
    expect_same(path, path_in("got"));
}

static void test_a_killed_receiver_goes_on(void **state) {
    (void)state;
    char description[PATH_MAX_SIZE], got[PATH_MAX_SIZE];
    send_file("big.bin", 13 * 1024 * 1024);
    (void)snprintf(description, sizeof description, "%s", path_in("big.bin.xftp/rcv1.xftp"));
    (void)snprintf(got, sizeof got, "%s", path_in("got"));
    const char *const words[] = {"recv", description, got, "--tmp", tmp, "-j", "1", NULL};
    run_and_kill(begin(words), "Downloaded 2");
    assert_int_equal(count_entries(tmp), 1);
    assert_int_equal(end(begin(words)), 0);
    expect_same(path_in("big.bin"), got);
    assert_int_equal(count_entries(tmp), 0);
    assert_int_equal(count_entries(folder), 4); /* tmp, big.bin, big.bin.xftp, got: nothing is left behind */
}

static void test_a_transfer_outlives_its_router(void **state) {
    (void)state;
    char path[PATH_MAX_SIZE];
    (void)snprintf(path, sizeof path, "%s", path_in("big.bin"));
    make_file(path, 13 * 1024 * 1024);
    const char *const words[] = {"send", path, folder, "-s", address, "--tmp", tmp, "-j", "2", "-r", "2", NULL};
    struct process *sending = begin(words);
    assert_true(process_wait_output(sending, "Uploaded 2", XFTP_DEADLINE_MS));
    assert_int_equal(xftp_process_stop(&server, SIGKILL), 128 + SIGKILL);
    int status = end(sending);
    xftp_process_start(&server);
    if (status != 0)
        assert_int_equal(end(begin(words)), 0);
    assert_int_equal(XFTP("recv", path_in("big.bin.xftp/rcv1.xftp"), path_in("got"), "--tmp", tmp), 0);
    expect_same(path, path_in("got"));
}

static void test_many_recipients_are_added_in_batches(void **state) {
    (void)state;
    make_file(path_in("a.txt"), 100);
    assert_int_equal(XFTP("send", path_in("a.txt"), folder, "-n", "300", "-s", address, "--tmp", tmp), 0);
    assert_int_equal(count_entries(path_in("a.txt.xftp")), 301);
    assert_int_equal(XFTP("recv", path_in("a.txt.xftp/rcv300.xftp"), path_in("got"), "--tmp", tmp), 0);
    expect_same(path_in("a.txt"), path_in("got"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CLI_TEST(test_a_file_is_sent_received_and_deleted),
        CLI_TEST(test_a_link_leads_to_the_file),
        CLI_TEST(test_descriptions_are_shown),
        CLI_TEST(test_what_cannot_be_is_refused),
        CLI_TEST(test_another_router_gets_nothing),
        CLI_TEST(test_a_killed_sender_goes_on),
        CLI_TEST(test_a_killed_receiver_goes_on),
        CLI_TEST(test_a_transfer_outlives_its_router),
        CLI_TEST(test_many_recipients_are_added_in_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
