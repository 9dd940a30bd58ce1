# Set-up and gates of rlops.autoscale. Needs Python >= 3.11 with its venv module. All that is installed or built lies
# in .build; `make help` lists the targets.

PYTHON ?= python3
GATES := ruff mypy ansible-lint changelog docs sanity importer units integration core-matrix molecule install-test
OLDER_CORES := 2.16.19 2.18.19
# The package for ansible-core 2.19. The collections whose modules the drivers call come out of it.
ANSIBLE := 12.3.0

BUILD := $(CURDIR)/.build
VENV := $(BUILD)/venv
CORES := $(OLDER_CORES:%=$(BUILD)/core-%)
NAME := ansible_collections/rlops/autoscale
OTHERS := $(BUILD)/collections/ansible-$(ANSIBLE)
INSTALLED := $(BUILD)/installed/$(NAME)
AWAY := HOME=$(BUILD)/home  # for tools that write into the home directory
# Tests share nothing, servers included, and wait for these a third of their time.
PARALLEL := --numprocesses $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1) --maxprocesses 5 --dist worksteal
PIP_INSTALL := -m pip install --disable-pip-version-check --only-binary :all: -c requirements/lock.txt
MYPY := mypy --config-file $(CURDIR)/pyproject.toml --cache-dir $(BUILD)/mypy

export PATH := $(VENV)/bin:$(PATH)
export LC_ALL := C.UTF-8
export ANSIBLE_HOME := $(BUILD)/ansible
export ANSIBLE_COLLECTIONS_PATH := $(BUILD)/collections
unexport PYTHONPATH  # where the user's has collections, these would be found before what is built here

.PHONY: help demo test lint bench build installed lock clean $(GATES)

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*##/\1\t/p' Makefile | expand -t 15

demo: $(VENV)/ready  ## start a service under real traffic, let the agent scale it, show what happened
	python roles/demo_service/files/replay.py

test: $(VENV)/ready  ## all gates, then a table of them
	@python tests/tools/gates.py $(GATES)

lint: ruff mypy ansible-lint changelog docs  ## the quick gates

# Gates

ruff: $(VENV)/ready
	ruff check .
	ruff format --check .

mypy: $(VENV)/ready
	cd $(BUILD)/collections && $(MYPY) -p ansible_collections.rlops.autoscale.plugins \
	-p ansible_collections.rlops.autoscale.extensions.eda.plugins
	cd roles/demo_service/files && $(MYPY) .

ansible-lint: $(VENV)/ready $(OTHERS)
	ansible-lint

changelog: $(VENV)/ready
	antsibull-changelog lint

docs: installed
	cd $(INSTALLED) && $(AWAY) antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs self .

# Without the content root, ansible-test would find the git checkout around .build and take all for ignored.
# The version in the name of get_pip is that of the pip that this ansible-core wants.
sanity: installed  ## ansible-test sanity, on the built collection
	mkdir -p $(BUILD)/home/.ansible/test/cache
	cp tests/tools/get_pip.py $(BUILD)/home/.ansible/test/cache/get_pip_24_2.py
	cd $(INSTALLED) && $(AWAY) ANSIBLE_TEST_CONTENT_ROOT=$(INSTALLED) ansible-test sanity --color no \
	--python $$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')

importer: build  ## what Galaxy checks at upload, on the built collection
	cd $(BUILD) && $(AWAY) python -m galaxy_importer.main rlops-autoscale-*.tar.gz > importer.log; cat importer.log
	grep -q 'completed successfully' $(BUILD)/importer.log
	! grep -E '^(WARNING|ERROR)' $(BUILD)/importer.log

units: $(VENV)/ready  ## tests without processes
	pytest $(PARALLEL) tests/unit

integration: $(VENV)/ready $(OTHERS)  ## tests with real playbooks and servers
	pytest $(PARALLEL) tests/integration

core-matrix: $(CORES:%=%/ready)  ## tests of state and actions with older versions of ansible-core
	for core in $(CORES); do $$core/bin/pytest $(PARALLEL) -m core tests || exit 1; done

molecule: $(VENV)/ready  ## the main job, on real processes
	$(AWAY) molecule test --no-command-borders

install-test: $(VENV)/ready  ## the agent from the built tarball, installed into an empty path
	pytest tests/install

bench: $(VENV)/ready  ## benchmarks (not part of test; bench_live.py, which plays demos, is not among them)
	status=0; for bench in $(filter-out %/bench_live.py,$(wildcard tests/benchmarks/bench_*.py)); do \
	echo "=== $$bench"; PYTHONPATH=$(BUILD)/collections python $$bench || status=1; done; exit $$status

# Set-up

build: $(VENV)/ready  ## the tarball
	rm -f $(BUILD)/*.tar.gz
	ansible-galaxy collection build --output-path $(BUILD)

installed: build
	rm -rf $(BUILD)/installed
	ANSIBLE_COLLECTIONS_PATH=$(BUILD)/installed ansible-galaxy collection install --offline -p $(BUILD)/installed $(BUILD)/*.tar.gz

$(VENV)/ready: requirements.txt requirements/dev.in requirements/test.in requirements/lock.txt
	@$(PYTHON) -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' || { \
	echo 'Python >= 3.11 with its venv module is needed. Debian, Ubuntu: apt-get install python3-venv.'; \
	echo 'If it goes by another name: make PYTHON=/path/to/python'; exit 1; }
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python $(PIP_INSTALL) -r requirements/dev.in
	mkdir -p $(BUILD)/home $(BUILD)/collections/$(dir $(NAME))
	ln -sfn $(HOME)/.config $(BUILD)/home/.config
	ln -sfn $(CURDIR) $(BUILD)/collections/$(NAME)
	touch $@

$(OTHERS): tests/tools/other_collections.py | $(VENV)/ready
	python $< $(ANSIBLE) $(@D)
	touch $@

$(BUILD)/core-%/ready: $(VENV)/ready
	rm -rf $(@D)
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python $(PIP_INSTALL) ansible-core==$* -r requirements.txt -r requirements/test.in
	touch $@

lock:  ## renew requirements/lock.txt: the newest versions that requirements/dev.in allows
	rm -rf $(BUILD)/lock
	$(PYTHON) -m venv $(BUILD)/lock
	$(BUILD)/lock/bin/python -m pip install --only-binary :all: --upgrade -r requirements/dev.in
	echo '# Every package that requirements/dev.in brings, with its version. Written by: make lock' > requirements/lock.txt
	$(BUILD)/lock/bin/python -m pip freeze --all --exclude ansible-core --exclude pip >> requirements/lock.txt

clean:  ## remove all that was installed or built
	rm -rf $(BUILD)
