/*-------------------------------------------------------------------------
 *
 * loop.c
 *	  The sockets that are watched, and the one place that waits for them.
 *
 * All sockets are in one epoll set.  That set is a single descriptor, which
 * is all that WaitLatchOrSocket() takes, and what the WaitEventSet of an
 * Append can take for all of its scans.  A timer in the set fires for waits
 * that have no time-out of ours.
 *
 * Not here: what the sockets are for.
 *
 * src/http/loop.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "compat.h"
#include "http/amplify_http.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/wait_event.h"

#define NO_DEADLINE		PG_INT64_MAX
#define MAX_EVENTS		64
#define LONGEST_SLEEP	3600000 /* ms */

static int	epoll_fd = -1;
static int	timer_fd = -1;		/* in the set */
static int64 timer_armed = NO_DEADLINE;

/* As pg_stat_activity has them, from PostgreSQL 17 on */
static const char *const wait_names[] = {
	[AMPLIFY_WAIT_RESPONSE] = "AmplifyAnswer",
	[AMPLIFY_WAIT_PAUSE] = "AmplifyPause",
	[AMPLIFY_WAIT_CREDENTIALS] = "AmplifyCredentials",
};

static int	start_timer(void);
static void set_timer(int64 deadline);

/* Microseconds on a clock that is never set back */
int64
amplify_loop_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64) ts.tv_sec * USECS_PER_SEC + ts.tv_nsec / 1000;
}

/* Make sure that there is a set; false if it can't be had now */
bool
amplify_loop_start(void)
{
	if (epoll_fd < 0)
	{
		ReserveExternalFD();
		epoll_fd = epoll_create1(EPOLL_CLOEXEC);
		if (epoll_fd < 0)
			ReleaseExternalFD();
	}
	if (epoll_fd >= 0 && timer_fd < 0)
	{
		ReserveExternalFD();
		timer_fd = start_timer();
		if (timer_fd < 0)
			ReleaseExternalFD();
	}
	return timer_fd >= 0;
}

/*
 * Watch a socket for these from now on; for neither: forget it.  is_new: it
 * has not been watched before, as far as is known.  Doesn't throw.  False if
 * the kernel refuses.
 */
bool
amplify_loop_watch(int fd, bool readable, bool writable, bool is_new)
{
	struct epoll_event event = {0};

	event.data.fd = fd;
	event.events = (readable ? EPOLLIN : 0) | (writable ? EPOLLOUT : 0);
	if (event.events == 0)
	{
		/* fails if the socket has been closed, which is fine */
		(void) epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, &event);
		return true;
	}
	return (is_new && epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0) ||
		epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0 ||
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* What is ready now, without waiting; max at most */
int
amplify_loop_poll(AmplifyLoopEvent *ready, int max)
{
	struct epoll_event events[MAX_EVENTS];
	int			n = epoll_wait(epoll_fd, events, Min(max, MAX_EVENTS), 0);
	int			nready = 0;

	for (int i = 0; i < n; i++)
	{
		if (events[i].data.fd == timer_fd)
		{
			set_timer(NO_DEADLINE);
			continue;
		}
		ready[nready].fd = events[i].data.fd;
		ready[nready].readable = (events[i].events & (EPOLLIN | EPOLLHUP)) != 0;
		ready[nready].writable = (events[i].events & EPOLLOUT) != 0;
		ready[nready].failed = (events[i].events & EPOLLERR) != 0;
		nready++;
	}
	return nready;
}

/*
 * Sleep until a socket is ready, the deadline passes, or there is an interrupt
 * to be served, which may throw.  The one blocking wait of the extension.
 */
void
amplify_loop_sleep(int64 deadline, AmplifyWait wait)
{
	static uint32 wait_events[lengthof(wait_names)];
	int			events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH;
	long		timeout = -1;
	int			rc;

	if (wait_events[wait] == 0)
		wait_events[wait] = amplify_new_wait_event(wait_names[wait]);
	if (deadline != NO_DEADLINE)
	{
		int64		left = deadline - amplify_loop_now();

		/* round up: waking too early would only mean another turn */
		timeout = left <= 0 ? 0 : (long) Min((left + 999) / 1000, LONGEST_SLEEP);
		events |= WL_TIMEOUT;
	}
	if (epoll_fd >= 0)
	{
		/* a timer that was for an Append must not wake us all the time */
		set_timer(NO_DEADLINE);
		events |= WL_SOCKET_READABLE;
	}
	rc = WaitLatchOrSocket(MyLatch, events,
						   epoll_fd >= 0 ? epoll_fd : PGINVALID_SOCKET,
						   timeout, wait_events[wait]);
	if (rc & WL_LATCH_SET)
		ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/*
 * For waits that are not ours, in a WaitEventSet of the executor: a descriptor
 * that is readable when amplify_loop_poll() has something.  It stays loop.c's.
 * -1 when there is none to be had.
 */
int
amplify_loop_descriptor(void)
{
	return amplify_loop_start() ? epoll_fd : -1;
}

/*
 * Make that descriptor readable at a deadline, too.  Of several deadlines, the
 * earliest stands: another scan may have a row already.
 */
void
amplify_loop_arm(int64 deadline)
{
	if (deadline < timer_armed)
		set_timer(deadline);
}

/* Is there a timer, fired or not, that amplify_loop_poll() would clear? */
bool
amplify_loop_armed(void)
{
	return timer_armed != NO_DEADLINE;
}

static void
set_timer(int64 deadline)
{
	struct itimerspec spec = {0};

	if (timer_fd < 0 || deadline == timer_armed)
		return;
	if (deadline != NO_DEADLINE)
	{
		spec.it_value.tv_sec = deadline / USECS_PER_SEC;
		spec.it_value.tv_nsec = (deadline % USECS_PER_SEC) * 1000;
		/* a zero would disarm it */
		spec.it_value.tv_nsec += 1;
	}
	if (timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) == 0)
		timer_armed = deadline;
}

static int
start_timer(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	int			fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

	event.data.fd = fd;
	if (fd >= 0 && epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
	{
		close(fd);
		return -1;
	}
	return fd;
}
