"""The process behind a `Cell`: reads a request, computes, writes the answer, until nobody asks any more."""

from hermodr_templates.workbench import serve

serve()
