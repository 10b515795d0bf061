// Loaded before the C library, it makes ranks that wait for each other sleep.
//
// Open MPI waits by asking again and again, and with mpi_yield_when_idle calls sched_yield in between. Since Linux 6.18
// a process that yields gives up its share of the processor for a whole slice each time: beside four programs that only
// compute, two ranks on two cores then meet 50 times a second instead of 1700. A process that sleeps is woken at once.
// A rank alone waits for nobody: MUMPS, which asks MPI for messages to itself, would take six times as long with naps.
#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

static long now() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1'000'000'000L + time.tv_nsec;
}

static const bool alone = [] {
    const char* ranks = std::getenv("OMPI_COMM_WORLD_SIZE");
    return ranks == nullptr || ranks == std::string("1");
}();

static constexpr long gap = 20'000;   // ns between two calls that belong to different waits
static constexpr long spin = 20'000;  // ns of a wait without sleep: most waits are over by then
static constexpr long nap = 20'000;   // ns, at first; later an eighth of the wait so far,
static constexpr long longest = 1'000'000;  // up to this: a rank whose partner is not running leaves the core alone

extern "C" int sched_yield() {
    if (alone) return static_cast<int>(syscall(SYS_sched_yield));
    static thread_local long begin = 0, last = 0;
    long time = now();
    if (time - last > gap) begin = time;
    if (time - begin > spin) {
        const timespec pause{0, std::clamp((time - begin) / 8, nap, longest)};
        nanosleep(&pause, nullptr);
        time = now();
    }
    last = time;
    return 0;
}
