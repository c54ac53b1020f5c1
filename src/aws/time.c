/*-------------------------------------------------------------------------
 *
 * time.c
 *	  Times as AWS writes them: a number of seconds, RFC 3339, and the date of
 *	  an HTTP header.
 *
 * PostgreSQL's own input functions are not used: they take much more, and what
 * they make of it depends on settings of the session.
 *
 * src/aws/time.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>
#include <math.h>

#include "aws/amplify_aws.h"
#include "utils/datetime.h"

#define EPOCH_DIFFERENCE \
	((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

/* The years 1 to 9999, as RFC 3339 has them */
#define FIRST_TIME \
	((date2j(1, 1, 1) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY)
#define END_TIME \
	((date2j(10000, 1, 1) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY)

static AmplifyValueStatus check_range(TimestampTz time);
static bool read_digits(const char **text, int count, int *value);
static bool read_zone(const char **text, int *seconds);

/*
 * A double has 53 bits: for today's times the nearest microsecond is the one
 * that was written, up to the year 2255.
 */
AmplifyValueStatus
amplify_time_from_seconds(double seconds, TimestampTz *time)
{
	/* within int64 microseconds, by far; NaN fails too */
	if (!(seconds > -1e12 && seconds < 1e12))
		return AMPLIFY_VALUE_OUT_OF_RANGE;
	*time = (int64) llround(seconds * USECS_PER_SEC) - EPOCH_DIFFERENCE;
	return check_range(*time);
}

/* YYYY-MM-DDThh:mm:ss[.fraction](Z|+hh:mm), RFC 3339 */
AmplifyValueStatus
amplify_time_from_iso(const char *text, TimestampTz *time)
{
	int			part[6];
	static const int digits[6] = {4, 2, 2, 2, 2, 2};
	static const char after[6] = "--T::";
	int64		fraction = 0;
	int			zone;

	for (int i = 0; i < 6; i++)
	{
		if (!read_digits(&text, digits[i], &part[i]))
			return AMPLIFY_VALUE_WRONG_TYPE;
		if (i < 5 && *text++ != after[i])
			return AMPLIFY_VALUE_WRONG_TYPE;
	}
	if (*text == '.')
	{
		int64		unit = USECS_PER_SEC;

		if (!isdigit((unsigned char) text[1]))
			return AMPLIFY_VALUE_WRONG_TYPE;
		for (text++; *text >= '0' && *text <= '9'; text++)
		{
			unit /= 10;
			fraction += unit * (*text - '0');
		}
	}
	if (!read_zone(&text, &zone) || *text != '\0')
		return AMPLIFY_VALUE_WRONG_TYPE;
	if (part[0] < 1 || part[1] < 1 || part[1] > 12 || part[2] < 1 ||
		part[2] > day_tab[isleap(part[0])][part[1] - 1] ||
		part[3] > 23 || part[4] > 59 || part[5] > 60)
		return AMPLIFY_VALUE_OUT_OF_RANGE;

	*time = (int64) (date2j(part[0], part[1], part[2]) - POSTGRES_EPOCH_JDATE) *
		USECS_PER_DAY +
		((part[3] * 60 + part[4]) * 60 + part[5] - zone) * USECS_PER_SEC +
		fraction;
	return check_range(*time);
}

/*
 * "Tue, 24 Nov 2026 08:41:00 GMT", the only form that servers may send: in
 * seconds since 1970
 */
bool
amplify_time_from_http(const char *text, int64 *seconds)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char		month[4];
	const char *found;
	int			day;
	int			year;
	int			hour;
	int			minute;
	int			second;
	int			length = 0;

	/* NOLINTNEXTLINE(cert-err34-c): too few digits to be out of range */
	if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n",
			   &day, month, &year, &hour, &minute, &second, &length) != 6 ||
		length == 0 || text[length] != '\0')
		return false;
	found = strstr(months, month);
	if (strlen(month) != 3 || found == NULL || (found - months) % 3 != 0 ||
		year < 2000 || day < 1 || day > 31 || hour < 0 || hour > 23 ||
		minute < 0 || minute > 59 || second < 0 || second > 60)
		return false;
	*seconds = (int64) (date2j(year, (found - months) / 3 + 1, day) -
						UNIX_EPOCH_JDATE) * SECS_PER_DAY +
		(hour * 60 + minute) * 60 + second;
	return true;
}

/* Milliseconds in place of seconds would make a time far in the future */
static AmplifyValueStatus
check_range(TimestampTz time)
{
	return time >= FIRST_TIME && time < END_TIME ? AMPLIFY_VALUE_OK :
		AMPLIFY_VALUE_OUT_OF_RANGE;
}

static bool
read_digits(const char **text, int count, int *value)
{
	*value = 0;
	for (; count > 0; count--, (*text)++)
	{
		if (**text < '0' || **text > '9')
			return false;
		*value = *value * 10 + **text - '0';
	}
	return true;
}

static bool
read_zone(const char **text, int *seconds)
{
	char		sign = *(*text)++;
	int			hours;
	int			minutes;

	*seconds = 0;
	if (sign == 'Z')
		return true;
	if ((sign != '+' && sign != '-') || !read_digits(text, 2, &hours))
		return false;
	if (**text == ':')
		(*text)++;
	if (!read_digits(text, 2, &minutes) || hours > 15 || minutes > 59)
		return false;
	*seconds = (hours * 60 + minutes) * 60 * (sign == '-' ? -1 : 1);
	return true;
}
