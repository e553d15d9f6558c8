# Thin on purpose: the work is in Python files that also run without make.
PYTHON ?= python3
RUN := $(PYTHON) book/tools/environment.py
# Where the book is published, and a folder with what is published there now.
export REPOSITORY SITE_URL PUBLISHED

.PHONY: help book site serve lab check test test-all test-anywhere test-newest test-sphinx copies offline lint format notebooks weights models results font lock clean

help: ## list what make can do
	@$(PYTHON) book/tools/environment.py --help-make

book: ## make the environment and build the site
	$(RUN) book/tools/build_site.py

site: ## build the site to publish: make site REPOSITORY=owner/name SITE_URL=https://…
	$(if $(REPOSITORY),,$(error name the repository: make site REPOSITORY=owner/name SITE_URL=https://…))
	$(RUN) book/tools/build_site.py

copies: ## make the book as EPUB and PDF, in build/copies
	$(RUN) book/tools/copies.py

offline: copies book ## make one zip of all, to carry: build/offline
	$(RUN) book/tools/offline.py

serve: ## show the site on localhost
	$(RUN) book/tools/build_site.py serve

lab: ## open the chapters in JupyterLab
	$(RUN) -m jupyter lab notebooks

check: ## find mistakes in chapters, pages and glossary, in seconds
	$(RUN) book/tools/check.py

# The notebooks' code is the same in every language. The Chinese ones need a font and
# wider words besides: what passes there passes in English. In three processes, since
# browsers and other programs are waited for a third of the time; each takes a whole file
# or notebook (loadscope): cells need the ones before, tests share fixtures. What takes
# long comes first (no reorder), or one process would be left with it at the end.
test: lint ## run what every push runs: the notebooks in one language, nothing slow
	$(RUN) -m pytest -n 3 --dist loadscope --no-loadscope-reorder --nbval-lax notebooks/zh tests/site tests/library tests/book tests/project

# In one process, for PyTorch to have as many threads as it has at a reader's.
test-all: lint ## run everything: all languages, and what is slow and rarely fails
	$(RUN) -m pytest --nbval-lax -m "" tests notebooks

test-anywhere: ## run the published notebooks where little is installed, old and new
	$(RUN) -m pytest -m anywhere tests/site/test_anywhere.py

# A file that PIP_CONSTRAINT names may hold packages back, e.g. with torch==2.13.0.
test-newest: ## run library tests and notebooks with the newest dependencies
	$(RUN) --newest -m pytest -n 2 --dist loadscope --nbval-lax -m "not site and not anywhere" \
		--ignore tests/project tests notebooks

# So it does for these.
test-sphinx: ## build the site with plain Sphinx, the newest, and say what differs
	$(RUN) book/tools/plain_sphinx.py
	BOOK_SITE=build/plain/site $(RUN) -m pytest tests/site/test_searching.py

lint: ## check code and notebooks with ruff
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

format: ## let ruff format the code, that of the chapters and notebooks as well
	$(RUN) book/tools/format_chapters.py
	$(RUN) -m ruff format .

notebooks: ## make the notebooks again, executing the chapters that changed
	$(RUN) book/tools/notebooks.py

weights: ## train the networks that ship (hours on two CPU cores)
	$(RUN) book/experiments/weights.py

models: ## export networks and training steps for the live parts of the site
	$(RUN) book/tools/export_models.py
	$(RUN) book/tools/export_training.py
	$(RUN) book/tools/export_stills.py
	$(RUN) book/tools/export_pictures.py

results: ## measure again what the chapters cite
	$(RUN) book/experiments/run.py cited

font: ## cut the Chinese font subset after changing unetlib/display/words
	$(RUN) book/tools/cut_font.py

lock: ## write the exact versions and hashes of all packages to requirements.lock
	$(RUN) book/tools/environment.py --lock

clean: ## remove what was built; the environment stays
	$(PYTHON) book/tools/environment.py --clean
