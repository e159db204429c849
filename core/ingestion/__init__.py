"""Videos, files and articles into the library: fetch -> chunk -> embed -> one transaction per video -> index."""

from core.ingestion.ingestor import Ingestor
from core.ingestion.preparing import Sync
from core.ingestion.values import IngestedVideo, IngestFailure, IngestProgress, IngestReport

__all__ = ["IngestFailure", "IngestProgress", "IngestReport", "IngestedVideo", "Ingestor", "Sync"]
