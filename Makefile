# make reproduce   set up, run the smoke study, print the table beside the committed one
# make launcher    a login node's part alone: .launcher/bin/physlaw launch, status (Python 3.8 or newer; no torch)
# make image       build the image physlaw (FLAVOUR=cuda unless given; ENGINE=docker or podman)
# make gpu-report  measure a GPU in one call of at most 8 minutes: OUT=folder (DRY=1: rehearse it on a CPU)
# make gpu-packages  fetch what a machine with PyTorch may still lack for that into .gpu-packages, to be carried there
# make check-locks resolve the locks for Python 3.11 to 3.14 on x86_64 and aarch64, without downloading them
# make badge-check walk a fresh clone through the first quarter of an hour of ARTIFACT.md, a tick a line
# make release     wheel, sdist, results archive, image and SIF where their tools are, checksums: into dist/
# make test        set up, lint, type-check, run all tests
# make test-faults   kills, damage, full disks (FAULTS=50 for a night)
# make test-cluster  the grid on a real SLURM of one node (root; installs Debian's slurm-wlm and munge)
# make test-image    build the Dockerfile (CPU flavour) and a SIF from it, and use both as a user would (root)
#
# FLAVOUR=cpu or cuda overrides what is picked by whether an NVIDIA driver is there. PYTHON=python3.12 picks another one,
# 3.11 to 3.14; an environment that another Python made is then made anew.

PYTHON ?= python3
VENV ?= .venv
LAUNCHER ?= .launcher
FLAVOUR ?= $(shell (command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L 2>/dev/null | grep -q GPU) && echo cuda || echo cpu)
PROFILE ?= smoke
# A third of their time tests wait, for processes that they kill and for disks.
WORKERS ?= $(shell expr $$(nproc 2>/dev/null || echo 2) + 1)
TORCH_CPU_INDEX := https://download.pytorch.org/whl/cpu
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check --quiet
# What has no wheel is built by the locked setuptools, which is there before it.
LOCKED := --require-hashes --use-pep517 --no-build-isolation
STAMP := $(VENV)/.installed-$(FLAVOUR)

STARTED := $(shell date +%s)
# Last in a recipe: how long make has run, set-up included.
took = @s=$$(($$(date +%s) - $(STARTED))); echo "make $(or $(1),$@): $$((s / 60)).$$((s % 60 / 6)) minutes"

# The checkout may lie at a path with spaces; names of targets cannot hold any.
$(foreach name,VENV LAUNCHER,$(if $(word 2,$($(name))),$(error $(name) is "$($(name))": choose a path without spaces)))

# $(call other,FOLDER): yes if a Python is asked for by name and FOLDER's environment is another's; it is then made anew.
version = $(shell "$(1)" -c 'import platform; print(platform.python_version())' 2>/dev/null)
other = $(if $(filter-out file,$(origin PYTHON)),$(if $(filter $(call version,$(PYTHON)),$(call version,$(1)/bin/python)),,yes))
OTHER_VENV := $(call other,$(VENV))
OTHER_LAUNCHER := $(call other,$(LAUNCHER))

.PHONY: help setup launcher reproduce test image gpu-report gpu-packages check-locks test-faults test-cluster test-image test-image-build quick lint clean badge-check release
.PHONY: $(if $(OTHER_VENV),$(STAMP)) $(if $(OTHER_LAUNCHER),$(LAUNCHER)/bin/physlaw)
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# \(make.*\)/\1/p' Makefile

setup: $(STAMP)

$(STAMP): requirements/$(FLAVOUR).lock pyproject.toml
	@$(if $(OTHER_VENV),false,$(VENV)/bin/python -m pip --version >/dev/null 2>&1) || { \
	  command -v "$(PYTHON)" >/dev/null 2>&1 || { echo "make: $(PYTHON) is missing; install it: sudo apt-get install python3 python3-venv"; exit 2; }; \
	  "$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || { echo "make: Python 3.11 to 3.14 is needed, $$("$(PYTHON)" --version) found; choose another with PYTHON="; exit 2; }; \
	  "$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "make: venv is missing; install it: sudo apt-get install python3-venv"; exit 2; }; \
	  "$(PYTHON)" -m venv --clear $(VENV); }
	@rm -f $(VENV)/.installed-*
	@echo "setting up $(VENV) ($(FLAVOUR), $$($(VENV)/bin/python --version))"
	@sed -n '/^torch==/,/[^\\]$$/p; /^setuptools==/,/[^\\]$$/p' requirements/$(FLAVOUR).lock > $(VENV)/first.lock
	@$(PIP) install --no-deps --require-hashes -r $(VENV)/first.lock 2>/dev/null || \
	  $(PIP) install --no-deps --require-hashes $(if $(filter cpu,$(FLAVOUR)),--extra-index-url $(TORCH_CPU_INDEX)) -r $(VENV)/first.lock
	@$(PIP) install $(LOCKED) -r requirements/$(FLAVOUR).lock
	@$(PIP) install --no-deps --no-build-isolation --no-index -e .
	@touch $@
	$(call took,setup)

launcher: $(LAUNCHER)/bin/physlaw

$(LAUNCHER)/bin/physlaw: requirements/launcher.lock
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 8))' || { echo "make: the launcher needs Python 3.8 or newer; choose one with PYTHON="; exit 2; }
	@"$(PYTHON)" -m venv --clear $(LAUNCHER)
	@sed -n '/^setuptools==/,/[^\\]$$/p' requirements/launcher.lock > $(LAUNCHER)/first.lock
	@for lock in $(LAUNCHER)/first.lock requirements/launcher.lock; do \
	  $(LAUNCHER)/bin/python -m pip --disable-pip-version-check --quiet install $(LOCKED) -r $$lock || exit 1; done
	@printf '#!/bin/sh\nPYTHONPATH="%s/code" exec "%s/bin/python" -m physlaw "$$@"\n' "$(CURDIR)" "$(abspath $(LAUNCHER))" > $@
	@chmod +x $@

reproduce: $(STAMP)
	@$(VENV)/bin/physlaw reproduce study=id_ood profile=$(PROFILE)
	$(took)

lint: $(STAMP)
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

# Several test processes; tests that share what is dear to make are one's.
PARALLEL := -n $(WORKERS) --dist loadgroup

test: lint
	@OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest $(PARALLEL) --durations=5
	$(took)

FAULTS ?= 1
test-faults: $(STAMP)
	@PHYSLAW_FAULTS=$(FAULTS) OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest tests/faults $(PARALLEL) --durations=0
	$(took)

test-cluster: $(STAMP)
	@[ $$(id -u) = 0 ] || { echo "make: test-cluster needs root: it starts munged, slurmctld and slurmd"; exit 2; }
	@for program in munged slurmctld slurmd sbatch; do command -v $$program >/dev/null || missing=1; done; \
	  if [ "$$missing" ]; then apt-get update -qq && apt-get install -y -qq slurm-wlm munge >/dev/null; fi
	@PHYSLAW_CLUSTER_TESTS=1 OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest tests/cluster --durations=5
	$(took)

ENGINE ?= docker
IMAGE_FLAVOUR := $(if $(filter command line environment,$(origin FLAVOUR)),$(FLAVOUR),cuda)
image:
	$(ENGINE) build --tag physlaw --build-arg FLAVOUR=$(IMAGE_FLAVOUR) \
	  --build-arg COMMIT=$$(git rev-parse HEAD) \
	  --build-arg DIRTY=$$(test -z "$$(git status --porcelain --untracked-files=no)" && echo False || echo True) \
	  --build-arg LOCK_SHA256=$$(sha256sum requirements/$(IMAGE_FLAVOUR).lock | cut -d' ' -f1) .
	$(took)

# No set-up: the machine may be offline and have its own PyTorch. What is carried there comes before its own packages.
GPU_PYTHON ?= $(if $(wildcard $(VENV)/bin/python),$(VENV)/bin/python,$(PYTHON))
GPU_PATH = $(CURDIR)/code$(if $(wildcard $(VENV)/bin/python),,:$(CURDIR)/.gpu-packages)
gpu-report:
	@PYTHONPATH="$(GPU_PATH)$${PYTHONPATH:+:$$PYTHONPATH}" "$(GPU_PYTHON)" -m physlaw bench gpu \
	  $(if $(OUT),out="$(OUT)") $(if $(DRY),dry=true) $(if $(STAGES),stages=$(STAGES)) $(if $(MINUTES),minutes=$(MINUTES))

gpu-packages:
	@PYTHON="$(PYTHON)" requirements/gpu_packages .gpu-packages

check-locks: $(STAMP)
	@$(VENV)/bin/python requirements/check_locks.py
	$(took)

IMAGE_WORK ?= /tmp/physlaw-image
test-image: test-image-build
	@tests/container/check "$(IMAGE_WORK)"
	@tests/container/apptainer "$(IMAGE_WORK)"
	$(took)

# Its own clone, its own set-up.
badge-check:
	@FLAVOUR=$(FLAVOUR) release/badge_check
	$(took)

release: $(STAMP)
	@$(VENV)/bin/python release/release.py

# What is built already is kept, so this may run ahead of test-image.
test-image-build:
	@[ $$(id -u) = 0 ] || { echo "make: test-image needs root: debootstrap, buildah's chroot isolation, pivot_root"; exit 2; }
	@tests/container/build "$(IMAGE_WORK)"
	$(took)

quick: $(STAMP)
	@OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest $(PARALLEL) -m 'not slow and not gpu'
	$(took)

clean:
	rm -rf $(VENV) $(LAUNCHER) build dist code/*.egg-info .mypy_cache .ruff_cache .pytest_cache
