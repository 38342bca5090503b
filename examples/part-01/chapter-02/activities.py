"""The two steps of the pipeline: plain functions that may do anything."""

from temporalio import activity


@activity.defn
async def process_text(text: str) -> str:
    """Tidy the text."""
    return " ".join(text.split()).upper()


@activity.defn
async def count_words(text: str) -> int:
    """Count what is left."""
    return len(text.split())
