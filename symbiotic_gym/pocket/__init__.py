"""Pocket: small but real websites inside the package, with tasks on them, so that nothing has to be installed or reached.

`docs/pocket.md` says how a site, a part of the world or a task template is added. Nothing here is imported by
`import symbiotic_gym` but the templates in `tasks/`, which need the standard library only.
"""
