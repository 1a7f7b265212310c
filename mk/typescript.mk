# The TypeScript, compiled and joined to few files.

src/encoding/generated/opcodes.ts: $(B)/generate/main.js dist/liburing.wasm
	node $(B)/generate/opcodes.js $(GENERATED) dist/liburing.wasm $@

dist/index.js: $(wildcard src/*.ts src/*/*.ts src/ring/engine/*.ts) tsconfig.json scripts/bundle.mjs $(GENERATED) src/encoding/generated/opcodes.ts
	echo 'typescript: compiling'
	rm -rf $(B)/js && mkdir -p dist && find dist '(' -name '*.js' -o -name '*.ts' -o -name '*.map' ')' -delete
	$(BIN)/tsc --outDir $(B)/js --declarationDir dist
	node scripts/bundle.mjs $(B)/js dist
	chmod +x dist/cli/main.js
	touch $@

$(B)/examples/demo.js: $(wildcard examples/*.ts examples/*/*.ts) examples/tsconfig.json dist/index.js
	$(BIN)/tsc -p examples
	touch $@
