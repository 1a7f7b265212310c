# The page.

PAGE := $(B)/page

$(B)/.page: $(wildcard page/*) $(wildcard page/tools/*) tsconfig.json dist/liburing.wasm dist/index.js
	rm -rf $(PAGE)
	$(BIN)/tsc -p page
	$(BIN)/tsc -p page/tools
	node $(B)/page-tools/copy.js $(B)/js $(PAGE)/dist encode.js linux.js
	cp page/index.html page/style.css page/icon.svg $(PAGE)
	cp dist/liburing.wasm $(PAGE)/dist
	touch $@

page-test-tools: setup
	scripts/install-tools page

test-tools: setup
	scripts/install-tools test
