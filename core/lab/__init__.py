"""Prompt Lab: experiments over prompts, models and temperatures, their scores and verdicts."""
