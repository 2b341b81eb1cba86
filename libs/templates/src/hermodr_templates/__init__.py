"""The language of templates: checked and compiled when saved, rendered within limits when sent."""
