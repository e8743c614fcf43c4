# SPDX-License-Identifier: Apache-2.0
# A small face on Meson. Everything that is built lies under build/; DATA is the archive's folder.
BUILD ?= build
DATA ?= maclab-data
HTTP ?= 127.0.0.1:8080
SHELL := /bin/bash

.PHONY: all program web bootstrap bootstrap-test run demo test asan bench fuzz crash load fresh install clean

all: program web

bootstrap:
	tools/bootstrap.sh build

bootstrap-test: bootstrap
	tools/bootstrap.sh test

program: bootstrap
	test -f $(BUILD)/build.ninja || meson setup $(BUILD) -Dbuildtype=debugoptimized
	ninja -C $(BUILD)

web: bootstrap
	tools/build-web.sh $(BUILD)

demo: program
	test -f $(DATA)/catalogue.db || $(BUILD)/maclab demo --data $(DATA)

run: all demo
	$(BUILD)/maclab serve --data $(DATA) --http $(HTTP)

# The same sources under clang with the address and undefined-behaviour sanitizers.
asan: bootstrap
	test -f $(BUILD)/asan/build.ninja || CC=clang meson setup $(BUILD)/asan -Dbuildtype=debug \
	    -Doptimization=1 -Db_sanitize=address,undefined -Db_lundef=false -Dbench=false
	ninja -C $(BUILD)/asan

test: bootstrap-test all asan
	python3 tests/run.py --build $(BUILD)

bench: bootstrap-test all
	bench/run.sh $(BUILD)

# SECONDS_EACH bounds each target.
SECONDS_EACH ?= 600
fuzz: bootstrap-test
	tests/fuzz/run.sh $(BUILD)/fuzz $(SECONDS_EACH)

CRASHES ?= 200
crash: bootstrap-test all
	tests/crash/run.sh $(BUILD) $(CRASHES)

load: bootstrap-test all
	tests/load/run.sh $(BUILD)

# `make run` and `make test` in a bare Debian 12 made by debootstrap (root needed).
fresh:
	tools/fresh.sh $(BUILD)/fresh

# GNU directory variables; DESTDIR for packagers.
prefix ?= /usr/local
bindir ?= $(prefix)/bin
datadir ?= $(prefix)/share
libexecdir ?= $(prefix)/libexec
install: all
	install -D -m 755 $(BUILD)/maclab $(DESTDIR)$(bindir)/maclab
	install -D -m 755 $(BUILD)/maclab-reader $(DESTDIR)$(libexecdir)/maclab-reader
	cd $(BUILD)/web && find . -type f -exec install -D -m 644 {} $(DESTDIR)$(datadir)/maclab/web/{} \;
	install -D -m 644 -t $(DESTDIR)$(datadir)/doc/maclab README.md LICENSE docs/*.md

clean:
	rm -rf $(BUILD)
