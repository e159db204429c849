"""Files and uploads -> transcripts: ``.json``, ``.srt``, ``.vtt`` and ``.csv`` of articles, cleaned and bounded.

Everything read here is untrusted. What cannot be used comes out as a SourceError in its place, so that one broken
file does not keep the good ones out.
"""

from core.sources.files import SUFFIXES, Seen, Upload, files_of, read_file, read_sources

__all__ = ["SUFFIXES", "Seen", "Upload", "files_of", "read_file", "read_sources"]
