"""The program that a `Cell` runs: answers requests until its input ends."""

from hermodr_templates.workbench import serve

serve()
