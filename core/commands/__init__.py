"""Commands that are more than a few lines each; core/__main__.py puts them on the command line."""
