# Builds build/hostile-init, the guest that means harm, with the compiler and lib of vmrt-init. Included by the top-level
# Makefile after init/init.mk.

$(BUILD)/hostile-init: tests/hostile/init.c $(INIT_LIB_NAMES:%=$(INIT_BUILD)/init/lib-%.o)
	@mkdir -p $(@D)
	$(INIT_CC) $(INIT_CFLAGS) $(INIT_LDFLAGS) -I. $(INIT_HEADERS) -o $@ $^

payload: $(BUILD)/hostile-init
