# vmrt: OCI containers in QEMU microvms. `make help` lists the targets.
#
#   CC=clang                another compiler          SANITIZE=1   ASan and UBSan, into build/sanitize
#   KERNEL_SRC=DIR          another kernel tree       DESTDIR= PREFIX=/usr/local   for install

SHELL := /bin/bash
.DELETE_ON_ERROR:
.SUFFIXES:

VERSION := 0.1.0
COMMIT  := $(shell git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null || echo unknown)
ARCH    := x86_64

PREFIX  ?= /usr/local
BUILD   := build
CC      := gcc
WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
	   -Wno-format-nonliteral -Wundef -Wpointer-arith
HARDEN  := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE -fno-strict-aliasing \
	   -fstack-clash-protection
CFLAGS  ?= -O2 -g
LDFLAGS ?=
BASE    := -std=gnu17 -D_GNU_SOURCE -I. $(WARN)
LINK    := -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed
OBJ     := $(BUILD)/obj
LIBS    := -lyajl -lcap -lseccomp -lmnl

ifeq ($(SANITIZE),1)
OBJ     := $(BUILD)/sanitize
HARDEN  := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -fPIE
LINK    := -pie
endif

ifeq ($(FUZZ),1)
CC      := clang
CXX     := clang++
OBJ     := $(BUILD)/fuzz/obj
HARDEN  := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
	   -fno-omit-frame-pointer -fPIE
CFLAGS  := -O1 -g
endif

LIB_SOURCES     := $(wildcard lib/*.c)
RUNTIME_SOURCES := $(filter-out runtime/main.c,$(wildcard runtime/*/*.c))
SOURCES         := $(LIB_SOURCES) $(RUNTIME_SOURCES) runtime/main.c
OBJECTS         := $(SOURCES:%.c=$(OBJ)/%.o)
UNIT_SOURCES    := $(wildcard tests/unit/test_*.c)
UNIT_PROGRAMS   := $(UNIT_SOURCES:tests/unit/%.c=$(BUILD)/tests/unit/%)
FUZZ_SOURCES    := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_REPLAYS    := $(FUZZ_SOURCES:tests/fuzz/%.c=$(BUILD)/tests/replay/%)
FORMATTED       := $(wildcard lib/*.[ch] runtime/*.c runtime/*/*.[ch] init/*.[ch] vmrun/*.[ch] vmrun/*/*.[ch] tests/unit/*.[ch] \
		   tests/fuzz/*.[ch] tests/payload/*.[ch] tests/hostile/*.c tests/kernel/*.[ch] tests/bench/*.c preload/*.c)
# A sanitized build stands beside the other, it does not replace it.
VMRT            := $(if $(filter 1,$(SANITIZE)),$(OBJ)/vmrt,$(BUILD)/vmrt)

.PHONY: all
all: vmrt vmrun init kernel ## build everything: vmrt, vmrun, init, initramfs, kernel

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- the runtime ----------------------------------------------------------------------------------

# The version is one file's business: a new commit must not rebuild the rest.
$(OBJ)/runtime/main.o $(OBJ)/runtime/cmd/query.o: EXTRA := \
	-DVMRT_VERSION='"$(VERSION)"' -DVMRT_COMMIT='"$(COMMIT)"'

$(OBJ)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(BASE) $(HARDEN) $(CFLAGS) $(EXTRA) -MMD -MP -c -o $@ $<

$(VMRT): $(OBJECTS)
	@mkdir -p $(@D)
	$(CC) $(HARDEN) $(CFLAGS) $(LINK) $(LDFLAGS) -o $@ $^ $(LIBS)

-include $(OBJECTS:.o=.d)

# For QEMU, whatever vmrt itself is built with.
$(BUILD)/vmrt-backlog.so: preload/backlog.c
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -D_GNU_SOURCE $(WARN) -Wno-missing-prototypes -O2 -fPIC -shared -Wl,-z,relro,-z,now,-z,noexecstack -o $@ $<

.PHONY: vmrt
vmrt: $(VMRT) $(BUILD)/vmrt-backlog.so ## build build/vmrt and what it loads into QEMU

include vmrun/vmrun.mk

# --- the guest: init, initramfs, kernel -----------------------------------------------------------

include init/init.mk

.PHONY: init
init: $(BUILD)/vmrt-init $(BUILD)/initramfs-$(ARCH).cpio ## build the guest's PID 1 and its initramfs

# The script knows by a hash of all inputs whether there is anything to do.
.PHONY: kernel
kernel: ## build the guest's kernel (minutes, cached outside the tree)
	kernel-config/build-kernel --arch $(ARCH) --out $(BUILD)/kernel/$(ARCH)

# --- installation ---------------------------------------------------------------------------------

.PHONY: install
install: all ## install below DESTDIR and PREFIX
	install -D -m 755 $(BUILD)/vmrt $(DESTDIR)$(PREFIX)/bin/vmrt
	install -D -m 755 $(BUILD)/vmrun $(DESTDIR)$(PREFIX)/bin/vmrun
	install -D -m 755 $(BUILD)/vmrun-unpack $(DESTDIR)$(PREFIX)/lib/vmrt/vmrun-unpack
	install -D -m 644 $(BUILD)/initramfs-$(ARCH).cpio $(DESTDIR)$(PREFIX)/lib/vmrt/initramfs-$(ARCH).cpio
	install -D -m 644 $(BUILD)/vmrt-backlog.so $(DESTDIR)$(PREFIX)/lib/vmrt/vmrt-backlog.so
	install -D -m 644 $(BUILD)/kernel/$(ARCH)/vmlinux $(DESTDIR)$(PREFIX)/lib/vmrt/kernel/$(ARCH)/vmlinux
	install -D -m 644 config.json.sample $(DESTDIR)$(PREFIX)/share/doc/vmrt/config.json.sample
	$(BUILD)/vmrun --completion | install -D -m 644 /dev/stdin $(DESTDIR)$(PREFIX)/share/bash-completion/completions/vmrun
	install -D -m 644 docs/man/vmrun.1 $(DESTDIR)$(PREFIX)/share/man/man1/vmrun.1
	install -D -m 644 docs/man/vmrt.8 $(DESTDIR)$(PREFIX)/share/man/man8/vmrt.8

.PHONY: deps
deps: ## install what building and running needs (Debian, as root)
	tools/install-deps build run

.PHONY: demo
demo: deps ## install what is missing, build all, run a first container (as root)
	$(MAKE) all
	tools/demo

# --- tests ----------------------------------------------------------------------------------------

# Unit programs link everything but main(), so that a test can reach what it wants.
UNIT_LIB := $(OBJ)/libvmrt.a
$(UNIT_LIB): $(filter-out $(OBJ)/runtime/main.o,$(OBJECTS))
	rm -f $@
	ar rcs $@ $^

$(BUILD)/tests/unit/%: tests/unit/%.c $(UNIT_LIB) tests/unit/tap.h
	@mkdir -p $(@D)
	$(CC) $(BASE) $(HARDEN) $(CFLAGS) -DTEST_DATA='"tests/unit"' $(LINK) -o $@ $< $(UNIT_MORE) $(UNIT_LIB) $(LIBS)

# And of vmrun.
UNIT_VMRUN := $(OBJ)/libvmrun.a
$(UNIT_VMRUN): $(filter-out $(OBJ)/vmrun/main.o,$(VMRUN_OBJECTS))
	rm -f $@
	ar rcs $@ $^

UNIT_OF_VMRUN := $(addprefix $(BUILD)/tests/unit/,test_agent test_distro)
$(UNIT_OF_VMRUN): $(UNIT_VMRUN)
$(UNIT_OF_VMRUN): UNIT_MORE := $(UNIT_VMRUN) -lkmod -lz -lstdc++
# It includes the file, for the sake of what is static there.
$(BUILD)/tests/unit/test_distro: vmrun/distro.c

$(BUILD)/tests/replay/%: tests/fuzz/%.c $(UNIT_LIB)
	@mkdir -p $(@D)
	$(CC) $(BASE) $(HARDEN) $(CFLAGS) -DFUZZ_REPLAY $(LINK) -o $@ $< $(FUZZ_MORE) $(UNIT_LIB) $(LIBS)

# One target is of vmrun's.
FUZZ_VMRUN := $(addprefix $(OBJ)/vmrun/,kernel_image.o kernel_needs.o targets.o toml.o)
$(BUILD)/tests/replay/fuzz_vmrun $(BUILD)/fuzz/fuzz_vmrun: $(FUZZ_VMRUN)
$(BUILD)/tests/replay/fuzz_vmrun $(BUILD)/fuzz/fuzz_vmrun: FUZZ_MORE := $(FUZZ_VMRUN) -lz -lstdc++
$(BUILD)/fuzz/fuzz_vmrun: FUZZ_MORE += -fsanitize-link-c++-runtime

.PHONY: unit-programs payload
unit-programs: $(UNIT_PROGRAMS) $(FUZZ_REPLAYS)

include tests/payload/payload.mk
include tests/hostile/hostile.mk

.PHONY: check
check: ## install what tests need, lint and all tests (as root)
	tools/install-deps build run test
	$(MAKE) all unit-programs payload
	$(MAKE) check-lint
	$(MAKE) test-image
	tests/run all

# By BIOS and UEFI; the script knows by a hash of its recipe whether there is anything to do.
.PHONY: test-image
test-image: ## make the disk image that vmrun's tests boot (minutes, cached outside the tree)
	@tests/lib/disk-image >/dev/null

.PHONY: check-unit
check-unit: $(VMRT) unit-programs ## unit and golden tests: seconds
	tests/run unit

.PHONY: check-sanitize
check-sanitize: ## unit tests and fuzz corpora under ASan and UBSan, leak detection on
	$(MAKE) SANITIZE=1 BUILD=$(BUILD)/sanitize-tests OBJ=$(BUILD)/sanitize unit-programs
	tests/run --name sanitize unit $(UNIT_SOURCES:tests/unit/%.c=$(BUILD)/sanitize-tests/tests/unit/%) \
		$(FUZZ_SOURCES:tests/fuzz/%.c=$(BUILD)/sanitize-tests/tests/replay/%)

.PHONY: check-kernel
check-kernel: kernel ## what the guest's kernel promises, in the running guest: seconds
	tests/run kernel

.PHONY: check-integration check-engines check-vmrun check-go check-debian13 check-guards
check-integration: all payload ## the runtime by hand, real QEMU and virtiofsd (as root)
	tests/run integration
check-engines: all payload ## under real docker and podman (as root)
	tests/run engines
check-vmrun: all payload test-image ## vmrun with other kernels and real work (as root)
	tests/run vmrun
check-go: all payload ## go test -exec vmrun; installs Debian's Go, 450 MB (as root)
	tools/install-deps go
	tests/run go
check-debian13: all payload ## the integration suite in a Debian 13 root (as root)
	tests/run debian13
check-guards: all payload ## the suite must fail without a runtime
	tests/run guards

.PHONY: check-lint format
check-lint: ## formatting, static analysis, shell scripts
	tools/lint $(FORMATTED)

format: ## let clang-format write the sources
	clang-format -i $(FORMATTED)

include tests/bench/bench.mk

# BENCH: options of tests/bench/run, e.g. BENCH="--only cold --rounds 15".
.PHONY: bench
bench: all payload $(BENCH_IMAGES) ## start time, throughput, memory beside a bare boot and runc (as root)
	tests/bench/run $(BENCH)

# libFuzzer needs clang, and so do all objects it is to see into: a build of their own, by this file again with FUZZ=1.
FUZZ_PROGRAMS := $(FUZZ_SOURCES:tests/fuzz/%.c=$(BUILD)/fuzz/%)
$(BUILD)/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(UNIT_LIB)
	@mkdir -p $(@D)
	$(CC) $(BASE) $(HARDEN) $(CFLAGS) -fsanitize=fuzzer $(LINK) -o $@ $< $(FUZZ_MORE) $(UNIT_LIB) $(LIBS)

# TIME is seconds for each target. New inputs of interest gather in build/fuzz/corpus-NAME, findings in build/fuzz/found-NAME-*.
TIME ?= 60
.PHONY: fuzz fuzz-programs
fuzz-programs: $(FUZZ_PROGRAMS)
fuzz: ## fuzz everything untrusted for TIME seconds per target (clang, as root if it is missing)
	tools/install-deps build fuzz
	$(MAKE) FUZZ=1 fuzz-programs
	@set -e; for program in $(FUZZ_PROGRAMS); do \
		name=$${program##*/fuzz_}; mkdir -p $(BUILD)/fuzz/corpus-$$name; \
		echo "fuzzing $$name for $(TIME) s"; \
		$$program -max_total_time=$(TIME) -timeout=5 -rss_limit_mb=1024 -print_final_stats=1 \
			-artifact_prefix=$(BUILD)/fuzz/found-$$name- \
			$(BUILD)/fuzz/corpus-$$name tests/fuzz/corpus-$$name; \
	done

.PHONY: clean
clean: ## remove build/ (the kernel cache stays)
	rm -rf $(BUILD)
