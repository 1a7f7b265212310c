# The host shim, and the runner's own part of it.

# uv.h: Node brings it, but for Debian's own package of Node
NODE_INCLUDE := $(wildcard $(shell node -p 'path.join(path.dirname(process.execPath), "../include/node")' 2> /dev/null))

HOST_CFLAGS := -std=gnu11 -O2 -g -fPIC -fvisibility=hidden -Wall -Wextra -Werror \
	-D_GNU_SOURCE -DNAPI_VERSION=8 -Inode_modules/node-api-headers/include \
	$(addprefix -idirafter ,$(NODE_INCLUDE)) -I$(NATIVE)/src/include -I$(TREE)/src/include

# for a test, which compiles it with more
host-flags:
	echo $(HOST_CFLAGS)

HOST_OBJECTS := $(patsubst %.c,$(B)/%.o,$(wildcard host/*.c))
# the runner has rings, in pages of its own
RUN_OBJECTS := $(patsubst %.c,$(B)/%.o,$(wildcard host/run/*.c)) $(B)/host/ring.o $(B)/host/mirror.o

$(B)/host/%.o: host/%.c $(NATIVE)/src/liburing-ffi.a node_modules/.package-lock.json mk/host.mk
	mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -MMD -MP -c $< -o $@

-include $(HOST_OBJECTS:.o=.d) $(RUN_OBJECTS:.o=.d)

dist/host.node: $(HOST_OBJECTS)
	echo 'host: linking the shim'
	mkdir -p dist
	$(CC) -shared $^ -o $@

dist/run.node: $(RUN_OBJECTS)
	echo "host: linking the runner's part of the shim"
	mkdir -p dist
	$(CC) -shared $^ -o $@
