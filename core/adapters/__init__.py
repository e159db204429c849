"""One file per vendor: each translates a vendor's words and errors into ours."""
