# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

SHELL := /bin/bash
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help

# Administration tools are nobody's alone to try: haproxy, for example, is there.
export PATH := $(PATH):/usr/sbin:/sbin
# Where Python keeps what it compiled, each worker need not compile thousands of tests again. `make clean` removes it.
unexport PYTHONDONTWRITEBYTECODE

PYTHON_HERE := .venv/bin/python
PYTEST := $(PYTHON_HERE) -m pytest
# The tests of a file run on one worker, one after another. Those on a lab come last; each worker has labs of its own, and hosts that
# boot and install leave a core little to do.
WORKERS := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
# Memory with room, where programs may lie too: to it unit tests write their ledgers and files thousands of times without waiting for a disk.
MEMORY = $(shell [[ -w /dev/shm && $$(df --output=avail /dev/shm | tail -n 1) -gt 1000000 && $$(findmnt -nro OPTIONS -T /dev/shm) != *noexec* ]] && echo /dev/shm)
LABS := -n 2 --dist loadfile --no-loadscope-reorder
LAB := tests/lab/lab
# For lab-up, lab-down and lab-reset.
NAME ?= dev
TOPOLOGY ?= web

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

# --- what can be seen and tried

.PHONY: demo
demo: lab-machine ## patch a fleet of real hosts behind a load balancer, under traffic, and show the page
	@PYTHONPATH=tests/lab $(PYTHON_HERE) -m patchlab.demo

.PHONY: lab-up
lab-up: lab-machine ## bring up a lab to play with: NAME=dev TOPOLOGY=web
	@$(LAB) up --name '$(NAME)' --topology '$(TOPOLOGY)'

.PHONY: lab-reset
lab-reset: lab-machine ## give the lab's hosts fresh disks: NAME=dev
	@$(LAB) reset --name '$(NAME)'

.PHONY: lab-down
lab-down: lab-machine ## take it down again: NAME=dev
	@$(LAB) down --name '$(NAME)'

# --- what proves that it works

.PHONY: test
test: lab-machine ## lint, sanity, unit tests, and integration on the lab
	@scripts/lint
	@$(PYTHON_HERE) scripts/sanity.py
	@$(PYTEST) $(WORKERS) -m 'not full and not lab'
	@$(PYTEST) $(LABS) -m 'not full and lab'

.PHONY: test-all
test-all: lab-machine ## the same with the long tests
	@scripts/lint
	@$(PYTHON_HERE) scripts/sanity.py
	@$(PYTEST) $(WORKERS) -m 'not lab'
	@$(PYTEST) $(LABS) -m lab

.PHONY: test-unit
test-unit: dev ## unit tests alone, without real tools and servers: seconds, no root
	@PYTEST_DEBUG_TEMPROOT=$(MEMORY) $(PYTEST) $(WORKERS) --timeout 60 -o tmp_path_retention_count=1 -m 'not browser and not tools and not full' tests/unit

.PHONY: test-core
test-core: ## plays of all shapes with another ansible-core: CORE=2.20
	@scripts/test_core '$(CORE)'

.PHONY: lint
lint: dev ## every linter; LINTERS='ruff house' for some
	@scripts/lint $(LINTERS)

.PHONY: sanity
sanity: dev ## ansible-test sanity without containers; SANITY='--test pep8' for some
	@$(PYTHON_HERE) scripts/sanity.py $(SANITY)

.PHONY: bench
bench: dev ## what things cost beside the raw tools, in ratios; minutes; BENCH='--json PATH' and other options
	@$(PYTHON_HERE) scripts/bench.py $(BENCH)

.PHONY: bench-roll
bench-roll: lab-machine ## a roll beside its bare work and the usual playbook, on a lab; minutes; BENCH='--hosts 12 --json PATH'
	@$(PYTHON_HERE) scripts/bench_roll.py $(BENCH)

.PHONY: bench-strategy
bench-strategy: dev ## what thousands of hosts cost Ansible itself; minutes; BENCH='--hosts 1000 5000 --tasks 2'
	@$(PYTHON_HERE) scripts/bench_strategy.py $(BENCH)

# --- what is made of it

.PHONY: build
build: dev ## the collection's tarball, in this folder
	@rm -rf .cache/build
	@$(PYTHON_HERE) scripts/copy_checkout.py .cache/build
	@.venv/bin/ansible-galaxy collection build --force --output-path . .cache/build

.PHONY: changelog
changelog: dev ## CHANGELOG.md from changelogs/fragments, for galaxy.yml's version
	@scripts/changelog

.PHONY: lock
lock: dev ## requirements/dev.txt from dev.in; UPGRADE=--upgrade for the newest versions
	@scripts/lock $(UPGRADE)

# --- what they need

.PHONY: dev
dev: ## .venv with the exact versions of requirements/dev.txt
	@scripts/bootstrap dev

.PHONY: lab-machine
lab-machine:
	@scripts/bootstrap lab

.PHONY: clean
clean: ## take all labs of this checkout down, remove what was made but .venv
	@for lab in .lab/*/state.json; do [[ ! -e $$lab ]] || $(LAB) down --name "$$(basename "$$(dirname "$$lab")")" || exit; done
	@rm -rf .cache .lab .ansible .hypothesis .mypy_cache .pytest_cache .ruff_cache fleetops-patchtrain-*.tar.gz
	@find plugins roles scripts tests -name __pycache__ -prune -exec rm -rf {} +

.PHONY: distclean
distclean: clean ## the same with .venv
	@rm -rf .venv .venvs
