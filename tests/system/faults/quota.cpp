// Stands in for a file system whose quota is used up: loaded before the C library, it refuses every write that would
// make a regular file grow, once `quota_is_used_up` was called. What a file has already may be written over.
#include <dlfcn.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

static bool used_up = false;

extern "C" void quota_is_used_up() { used_up = true; }

static bool refused(int file, off_t end) {
    struct stat about;
    if (!used_up || fstat(file, &about) || !S_ISREG(about.st_mode) || end <= about.st_size) return false;
    errno = EDQUOT;
    return true;
}

static off_t length(const struct iovec *parts, int count) {
    off_t sum = 0;
    for (int i = 0; i < count; ++i) sum += (off_t)parts[i].iov_len;
    return sum;
}

#define REAL(name) reinterpret_cast<decltype(&name)>(dlsym(RTLD_NEXT, #name))

extern "C" ssize_t write(int file, const void *data, size_t count) {
    return refused(file, lseek(file, 0, SEEK_CUR) + (off_t)count) ? -1 : REAL(write)(file, data, count);
}
extern "C" ssize_t writev(int file, const struct iovec *parts, int count) {
    return refused(file, lseek(file, 0, SEEK_CUR) + length(parts, count)) ? -1 : REAL(writev)(file, parts, count);
}
extern "C" ssize_t pwrite(int file, const void *data, size_t count, off_t at) {
    return refused(file, at + (off_t)count) ? -1 : REAL(pwrite)(file, data, count, at);
}
extern "C" ssize_t pwrite64(int file, const void *data, size_t count, off64_t at) {
    return refused(file, at + (off_t)count) ? -1 : REAL(pwrite64)(file, data, count, at);
}
extern "C" ssize_t pwritev(int file, const struct iovec *parts, int count, off_t at) {
    return refused(file, at + length(parts, count)) ? -1 : REAL(pwritev)(file, parts, count, at);
}
extern "C" ssize_t pwritev64(int file, const struct iovec *parts, int count, off64_t at) {
    return refused(file, at + length(parts, count)) ? -1 : REAL(pwritev64)(file, parts, count, at);
}
