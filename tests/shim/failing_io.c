/*
 * Makes calls of the C library on files below a directory fail, for tests of a real server (LD_PRELOAD).
 *
 * AFTERCALL_FAULT_DIR      the directory, absolute
 * AFTERCALL_FAULT_CONTROL  a file outside of it; nothing fails before it is there. It holds three numbers: the errno, how many
 *                          calls still succeed, how many fail then. An errno of 0 drops what is written, and reports success.
 * AFTERCALL_FAULT_REPORT   a file that gets a line for each call that fails
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { OPENS = 1, CREATES = 2, WRITES = 4, SYNCS = 8, NAMES = 16 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int is_armed;
static int code;
static long succeed;
static long fail;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int real_open(const char *path, int flags) {
    return REAL(open)(path, flags | O_CLOEXEC, 0600);
}

/* Reads the control file once it is there. */
static int has_been_armed(void) {
    const char *control = getenv("AFTERCALL_FAULT_CONTROL");
    char text[64] = {0};
    if (is_armed || !control)
        return is_armed;
    int file = real_open(control, O_RDONLY);
    if (file < 0)
        return 0;
    ssize_t bytes = read(file, text, sizeof text - 1);
    close(file);
    is_armed = bytes > 0 && sscanf(text, "%d %ld %ld", &code, &succeed, &fail) == 3;
    return is_armed;
}

static int is_below(const char *path) {
    const char *dir = getenv("AFTERCALL_FAULT_DIR");
    size_t length = dir ? strlen(dir) : 0;
    return length > 0 && strncmp(path, dir, length) == 0 && (path[length] == '/' || path[length] == 0);
}

/* Whether an error of this number can come from such a call. */
static int fits(enum kind kind) {
    switch (code) {
    case EMFILE:
        return kind & (OPENS | CREATES);
    case ENOSPC:
        return kind & (CREATES | WRITES | SYNCS | NAMES);
    case 0:
        return kind & WRITES;
    default:
        return 1;
    }
}

static void report(const char *what, const char *path) {
    const char *name = getenv("AFTERCALL_FAULT_REPORT");
    char line[PATH_MAX + 64];
    int file = name ? real_open(name, O_WRONLY | O_CREAT | O_APPEND) : -1;
    if (file < 0)
        return;
    int bytes = snprintf(line, sizeof line, "%s %s\n", what, path);
    if (REAL(write)(file, line, (size_t)bytes) < 0)
        perror("the report of a fault");
    close(file);
}

/* Whether this call fails. */
static int fails(enum kind kind, const char *what, const char *path) {
    int saved = errno, failing = 0;
    pthread_mutex_lock(&lock);
    if (has_been_armed() && fits(kind) && is_below(path)) {
        if (succeed > 0)
            succeed--;
        else if (fail > 0) {
            fail--;
            failing = 1;
            report(what, path);
        }
    }
    pthread_mutex_unlock(&lock);
    errno = failing ? code : saved;
    return failing;
}

static int fails_on(int file, enum kind kind, const char *what) {
    char link[64], path[PATH_MAX];
    int saved = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = saved;
    if (length < 0)
        return 0;
    path[length] = 0;
    return fails(kind, what, path);
}

/* What a dropped or a failed write returns. */
static ssize_t written(size_t bytes) {
    return code == 0 ? (ssize_t)bytes : -1;
}

ssize_t write(int file, const void *bytes, size_t count) {
    return fails_on(file, WRITES, "write") ? written(count) : REAL(write)(file, bytes, count);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) {
    return fails_on(file, WRITES, "pwrite") ? written(count) : REAL(pwrite)(file, bytes, count, at);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
    return fails_on(file, WRITES, "pwrite") ? written(count) : REAL(pwrite64)(file, bytes, count, at);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    size_t bytes = 0;
    for (int part = 0; part < count; part++)
        bytes += parts[part].iov_len;
    return fails_on(file, WRITES, "writev") ? written(bytes) : REAL(writev)(file, parts, count);
}

int fsync(int file) {
    return fails_on(file, SYNCS, "fsync") ? -1 : REAL(fsync)(file);
}

int fdatasync(int file) {
    return fails_on(file, SYNCS, "fdatasync") ? -1 : REAL(fdatasync)(file);
}

int sync_file_range(int file, off64_t from, off64_t bytes, unsigned int flags) {
    return fails_on(file, SYNCS, "sync_file_range") ? -1 : REAL(sync_file_range)(file, from, bytes, flags);
}

int ftruncate64(int file, off64_t bytes) {
    return fails_on(file, NAMES, "ftruncate") ? -1 : REAL(ftruncate64)(file, bytes);
}

int rename(const char *from, const char *to) {
    return fails(NAMES, "rename", to) ? -1 : REAL(rename)(from, to);
}

int unlink(const char *path) {
    return fails(NAMES, "unlink", path) ? -1 : REAL(unlink)(path);
}

static mode_t mode_of(int flags, va_list rest) {
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
}

static enum kind kind_of(int flags) {
    return flags & O_CREAT ? CREATES : OPENS;
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = mode_of(flags, rest);
    va_end(rest);
    return fails(kind_of(flags), "open", path) ? -1 : REAL(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = mode_of(flags, rest);
    va_end(rest);
    return fails(kind_of(flags), "open", path) ? -1 : REAL(open64)(path, flags, mode);
}
