# What has to be installed.

$(B)/.tools: scripts/install-tools
	scripts/install-tools
	mkdir -p $(B) && touch $@

# not npm ci, which fails where a mirror lacks an optional package of another platform
node_modules/.package-lock.json: package.json package-lock.json
	echo 'npm: installing the development tools'
	npm install --no-save --silent
	touch $@
