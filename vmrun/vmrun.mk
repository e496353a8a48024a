# vmrun, the front-end that runs one command in a VM. Included by the top-level Makefile.
#
# It calls vmrt as anybody would. What it links beside lib/ knows nothing of containers: option
# tables, JSON, string vectors, where a user's run-time files are.
VMRUN_SOURCES := $(wildcard vmrun/*.c)
VMRUN_SHARED  := $(LIB_SOURCES) runtime/cmd/options.c $(wildcard runtime/oci/json*.c) runtime/proc/strv.c \
		 runtime/userns/rundir.c runtime/userns/userns.c
VMRUN_OBJECTS := $(VMRUN_SOURCES:%.c=$(OBJ)/%.o) $(OBJ)/vmrun/toml.o
CXX           ?= g++
# Among sanitized objects that name is a folder's.
VMRUN         := $(if $(filter 1,$(SANITIZE)),$(OBJ)/bin/vmrun,$(BUILD)/vmrun)

$(OBJ)/vmrun/main.o: EXTRA := -DVMRT_VERSION='"$(VERSION)"' -DVMRT_COMMIT='"$(COMMIT)"'

# Its C++ library goes into the program: nothing more has to be installed for one translation unit.
$(OBJ)/vmrun/toml.o: vmrun/toml.cc
	@mkdir -p $(@D)
	$(CXX) -std=gnu++17 -I. -Wall -Wextra $(HARDEN) $(CFLAGS) -MMD -MP -c -o $@ $<

$(VMRUN): $(VMRUN_OBJECTS) $(VMRUN_SHARED:%.c=$(OBJ)/%.o)
	@mkdir -p $(@D)
	$(CXX) $(HARDEN) $(CFLAGS) $(LINK) $(LDFLAGS) -static-libstdc++ -static-libgcc -o $@ $^ -lyajl -lkmod -lz

# What takes images apart is a program of its own: see vmrun/unpack/main.c.
UNPACK_SOURCES := $(wildcard vmrun/unpack/*.c)
UNPACK_OBJECTS := $(UNPACK_SOURCES:%.c=$(OBJ)/%.o)
UNPACK         := $(if $(filter 1,$(SANITIZE)),$(OBJ)/bin/vmrun-unpack,$(BUILD)/vmrun-unpack)

$(UNPACK): $(UNPACK_OBJECTS) $(VMRUN_SHARED:%.c=$(OBJ)/%.o)
	@mkdir -p $(@D)
	$(CC) $(HARDEN) $(CFLAGS) $(LINK) $(LDFLAGS) -o $@ $^ -larchive -lcrypto -lcap -lyajl

-include $(VMRUN_OBJECTS:.o=.d) $(UNPACK_OBJECTS:.o=.d)

.PHONY: vmrun
vmrun: $(VMRUN) $(UNPACK) ## build build/vmrun alone
