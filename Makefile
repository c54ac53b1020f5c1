# Makefile for amplify_fdw; test/README.md tells how the tests are run

MODULE_big = amplify_fdw
OBJS = \
	src/amplify_fdw.o \
	src/aws/endpoint.o \
	src/aws/exchange.o \
	src/aws/outcome.o \
	src/aws/json.o \
	src/aws/mask.o \
	src/aws/response.o \
	src/aws/sign.o \
	src/aws/sigv4.o \
	src/aws/time.o \
	src/aws/xml.o \
	src/executor/again.o \
	src/executor/analyze.o \
	src/executor/array.o \
	src/executor/gate.o \
	src/executor/jsonb.o \
	src/executor/keys.o \
	src/executor/known.o \
	src/executor/readahead.o \
	src/executor/scan.o \
	src/executor/table.o \
	src/executor/value.o \
	src/http/easy.o \
	src/http/http.o \
	src/http/loop.o \
	src/http/memory.o \
	src/http/socket.o \
	src/http/transfer.o \
	src/model/describe.o \
	src/model/identifier.o \
	src/model/option.o \
	src/model/option_data.o \
	src/model/resource.o \
	src/model/resource_data.o \
	src/model/route.o \
	src/planner/ahead.o \
	src/planner/below.o \
	src/planner/condition.o \
	src/planner/distinct.o \
	src/planner/eager.o \
	src/planner/exists.o \
	src/planner/gate.o \
	src/planner/join.o \
	src/planner/key.o \
	src/planner/memoize.o \
	src/planner/plan.o \
	src/planner/price.o \
	src/planner/safe.o \
	src/planner/unique.o \
	src/request/apps.o \
	src/request/budget.o \
	src/request/call.o \
	src/request/failures.o \
	src/request/fetch.o \
	src/request/keyset.o \
	src/request/match.o \
	src/request/names.o \
	src/request/pace.o \
	src/request/page.o \
	src/request/parent.o \
	src/request/prefetch.o \
	src/request/progress.o \
	src/request/record.o \
	src/request/report.o \
	src/request/spec.o \
	src/request/spill.o \
	src/request/statement.o \
	src/request/stream.o \
	src/request/throttle.o \
	src/request/writes.o \
	src/session/connection.o \
	src/session/credential.o \
	src/session/identity.o \
	src/session/lookup.o \
	src/session/metadata.o \
	src/session/profile.o \
	src/session/provider.o \
	src/session/rate.o \
	src/session/stat.o \
	src/session/sts.o
PGFILEDESC = "amplify_fdw - foreign data wrapper for AWS Amplify"

EXTENSION = amplify_fdw
DATA = $(patsubst $(srcdir)/%,%,$(wildcard $(srcdir)/sql/amplify_fdw--*.sql))

REGRESS = $(filter-out amplify_fdw--%, \
	$(sort $(basename $(notdir $(wildcard $(srcdir)/sql/*.sql)))))
# Each test has a mock service of its own; the database is the same, whatever
# the server's locale
REGRESS_OPTS = --launcher=$(srcdir)/test/with-mock --encoding=UTF8 --no-locale

PKG_CONFIG ?= pkg-config
LIBRARIES = libcurl libcrypto json-c
PG_CPPFLAGS = -I$(srcdir)/src
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers -Wno-clobbered -Wno-cast-function-type \
	$(shell $(PKG_CONFIG) --cflags $(LIBRARIES) 2> /dev/null)
SHLIB_LINK = $(shell $(PKG_CONFIG) --libs $(LIBRARIES) 2> /dev/null)

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
ifeq ($(wildcard $(PGXS)),)
$(error $(PG_CONFIG) leads to no makefiles of PostgreSQL (PGXS): install its \
development package, or give PG_CONFIG=/path/to/pg_config)
endif
include $(PGXS)

# PGXS knows of no headers, nor that a list of objects may change
$(OBJS): $(wildcard $(srcdir)/src/*.h $(srcdir)/src/*/*.h)
$(shlib): $(srcdir)/Makefile

# What is missing is named before the compiler stumbles over it; folders are made,
# for a build in another place than the source's
$(OBJS) $(OBJS:.o=.bc): | needed

needed:
	@test -e '$(includedir_server)/postgres.h' || { echo "$(PG_CONFIG) belongs\
	 to a PostgreSQL whose headers are not here ($(includedir_server)):\
	 install its development package" >&2; exit 1; }
	@$(PKG_CONFIG) --print-errors --exists \
		'libcurl >= 7.87' 'libcrypto >= 3' json-c || \
		{ echo "$(PKG_CONFIG) does not find libcurl 7.87, OpenSSL 3 and json-c: install their development\
	 packages, or give PKG_CONFIG=/path/to/pkg-config" >&2; exit 1; }
	@test '$(with_llvm)' != yes || command -v '$(CLANG)' > /dev/null || \
		{ echo "$(CLANG) is not here, which PostgreSQL needs to inline functions: install it, or give\
	 with_llvm=no to make and make install" >&2; exit 1; }
	@case `curl-config --ssl-backends 2> /dev/null || echo OpenSSL` in \
		*OpenSSL*) ;; \
		*) echo "curl-config belongs to a libcurl without OpenSSL" >&2; \
			exit 1 ;; esac
	@mkdir -p $(sort $(dir $(OBJS)))

installcheck: mock

clean: clean-test

mock:
	@curl --version > /dev/null || { echo "the tests need curl" >&2; exit 1; }
	$(MAKE) -C $(srcdir)/test/mock

clean-test:
	rm -f typedefs.list compile_commands.json
	$(MAKE) -C $(srcdir)/test/mock clean
	$(MAKE) -C $(srcdir)/test/unit clean

# One test, or several, with a build that is kept: make check-one T="get cancel"
check-one:
	$(srcdir)/test/check-one.sh $(T)

# For pgindent: the names of our types, and of those of libraries that we declare
# variables of
typedefs.list: $(wildcard $(srcdir)/src/*.h $(srcdir)/src/*/*.[ch])
	@{ printf '%s\n' CURL CURLM CURLSH EVP_MAC EVP_MAC_CTX EVP_MD EVP_MD_CTX; \
	awk '/^#define SH_PREFIX[[:blank:]]/ { print $$3 "_hash" } \
		/^typedef / { begun = 1 } \
		begun && (/^typedef .*\(\*/ || /^(typedef [^{]*|\}.*);/) { \
			if (!sub(/^[^(]*\(\*/, "")) sub(/;.*/, ""); \
			sub(/\).*/, ""); sub(/.*[^A-Za-z0-9_]/, ""); print; begun = 0 \
		}' $^; } | sort -u > $@

# For clangd and clang-tidy
compile_commands.json: $(wildcard $(srcdir)/src/*.c $(srcdir)/src/*/*.c)
	@{ echo '['; for file in $^; do \
		printf '%s{"directory": "%s", "file": "%s", "command": "%s"}\n' \
			"$$comma" '$(CURDIR)' "$$file" \
			'$(CC) $(subst ",,$(CFLAGS) $(CPPFLAGS)) -c '"$$file"; \
		comma=,; \
	done; echo ']'; } > $@

.PHONY: needed mock clean-test check-one
