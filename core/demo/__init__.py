"""The demo library: twelve short talks written for this project, which explain what the app itself does."""

from core.demo.questions import DEMO_QUESTIONS, DemoQuestion
from core.demo.reader import demo_transcripts

__all__ = ["DEMO_QUESTIONS", "DemoQuestion", "demo_transcripts"]
