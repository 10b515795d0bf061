// Stands in for a file system without locks: loaded before the C library, it refuses flock() and the locks of fcntl()
// with the error number in the variable NO_LOCKS.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstdarg>
#include <cstdlib>

static int refused() {
    const char *number = getenv("NO_LOCKS");
    errno = number ? atoi(number) : ENOLCK;
    return -1;
}

extern "C" int flock(int, int) { return refused(); }

extern "C" int fcntl64(int file, int command, ...) {
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (command == F_SETLK || command == F_SETLKW || command == F_GETLK) return refused();
    using Real = int (*)(int, int, ...);
    return reinterpret_cast<Real>(dlsym(RTLD_NEXT, "fcntl64"))(file, command, argument);
}
