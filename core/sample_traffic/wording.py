"""What made-up people ask, in which words, and what they say of the answers. Data only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

FRAMES: Mapping[str, Sequence[str]] = {
    "en": (
        "What is {t}?", "How does {t} work?", "Why does {t} matter?", "What does the talk say about {t}?",
        "Can you explain {t} in simple words?", "What is the difference between {t} and {u}?",
        "How do I measure {t}?", "What goes wrong with {t}?", "Is {t} better than {u}?", "Give me an example of {t}",
        "When should I use {t}, and when {u}?", "Who explains {t}, and at which minute?", "{t} in one sentence please",
        "We have a problem with {t}. What is recommended?", "Which numbers are given for {t}?",
        "How do {t} and {u} belong together?", "What should a beginner know about {t}?",
        "My colleague says that {t} is useless because of {u}. Is that what the speaker says as well?",
    ),
    "de": (
        "Was ist {t}?", "Wie funktioniert {t}?", "Warum ist {t} wichtig?", "Was sagt der Vortrag über {t}?",
        "Was ist der Unterschied zwischen {t} und {u}?", "Nenne ein Beispiel für {t}",
        "Was geht bei {t} oft schief?", "Wie hängen {t} und {u} zusammen?",
    ),
    "es": (
        "¿Qué es {t}?", "¿Cómo funciona {t}?", "¿Por qué importa {t}?", "¿Qué dice la charla sobre {t}?",
        "¿En qué se diferencian {t} y {u}?", "Dame un ejemplo de {t}", "¿Qué suele salir mal con {t}?",
    ),
}  # fmt: skip
"""By language. ``{t}`` is the thing that is asked about, ``{u}`` another one of the same talk."""

TERMS: Mapping[str, Sequence[str]] = {
    "demo-embeddings": (
        "an embedding", "cosine similarity", "mean pooling", "a sentence vector", "MiniLM", "the length of a vector",
        "the meaning of a word", "a list of 384 numbers", "semantic search",
    ),
    "demo-chunking": (
        "a chunk", "the overlap of chunks", "a caption line", "the size of a chunk", "a window of 300 characters",
        "cutting a transcript", "a chunk that is too long",
    ),
    "demo-vector-indexes": (
        "HNSW", "IVF", "a flat index", "recall", "the inner product", "an approximate search", "nprobe",
        "a vector index", "L2 distance",
    ),
    "demo-hybrid-retrieval": (
        "BM25", "hybrid search", "reciprocal rank fusion", "keyword search", "dense retrieval", "rank fusion",
        "a weighted sum of scores",
    ),
    "demo-prompts": (
        "temperature", "a prompt template", "a system prompt", "few-shot prompting", "top-p", "a variable in a prompt",
        "the context window",
    ),
    "demo-citations": (
        "a citation", "an unsupported sentence", "the check of a citation", "a quote", "a dropped citation",
        "the second where it was said",
    ),
    "demo-hallucination": (
        "hallucination", "a refusal", "grounding", "a confident wrong answer", "retrieval", "a made-up source",
    ),
    "demo-drift": (
        "PSI", "drift", "the population stability index", "a reference window", "the Kolmogorov-Smirnov test",
        "a false alarm", "a bin", "sample size",
    ),
    "demo-token-cost": (
        "the price of a token", "a cached token", "the cost of a question", "self-hosting", "a budget",
        "the monthly bill", "a reasoning token", "an idle instance",
    ),
    "demo-prompt-injection": (
        "prompt injection", "a hidden instruction", "an attacker", "a jailbreak", "untrusted text", "a tool call",
        "data that gives orders", "an injected link", "the power of a model", "a poisoned transcript",
    ),
    "demo-data-versions": (
        "eine Datenversion", "ein Hash", "das Hauptbuch", "der Suchindex", "ein Transkript", "das Einbettungsmodell",
        "eine Spur", "ein gültiger Vergleich",
    ),
    "demo-feedback": (
        "un pulgar abajo", "un pulgar arriba", "una corrección", "una muestra al azar", "un caso de prueba",
        "la traza", "el sesgo de los votos",
    ),
}  # fmt: skip
"""By the demo talk that answers."""

SHIFTED = "demo-prompt-injection"
"""What far more people ask in the last week."""

ELSEWHERE: Mapping[str, Sequence[str]] = {
    "en": (
        "What is the weather in Lisbon tomorrow?", "Who won the match last night?", "How do I renew my passport?",
        "What is our holiday policy?", "Write a poem about autumn", "Which phone should I buy?",
        "How do I reset my password?", "What does our chief executive earn?", "Translate this contract for me",
        "Is there parking near the office?", "What is the best recipe for rye bread?",
    ),
    "de": ("Wie wird das Wetter morgen?", "Wann ist die Kantine offen?", "Wie beantrage ich Urlaub?"),
    "es": ("¿Qué tiempo hará mañana?", "¿Dónde pido las vacaciones?", "¿Quién ganó el partido?"),
}  # fmt: skip
"""Of which no talk says anything."""

PEOPLE: Sequence[tuple[str, str]] = (
    ("ana", "en"), ("ben", "en"), ("chloe", "en"), ("david", "en"), ("greta", "de"), ("emma", "en"), ("carlos", "es"),
    ("felix", "de"), ("hana", "en"), ("ivan", "en"), ("jana", "de"), ("lucia", "es"), ("kofi", "en"), ("lena", "de"),
    ("mei", "en"), ("noah", "en"), ("olga", "en"), ("pilar", "es"), ("priya", "en"), ("quinn", "en"), ("rosa", "es"),
    ("samir", "en"), ("tom", "en"), ("uwe", "de"), ("yuki", "en"), ("zoe", "en"),
)  # fmt: skip
"""Name and first language; those who ask most stand first."""

UNHAPPY: Mapping[str, Sequence[str]] = {
    "Wrong": ("That is not what the speaker says.", "The number is wrong."),
    "Not what I asked": ("I asked about something else.", "It answers half of the question."),
    "Citation does not fit": ("The second source is about something else.", ""),
    "Incomplete": ("It stops before the interesting part.", "The example is missing."),
    "Hard to read": ("Too many clauses.", ""),
}
"""Reasons of thumbs down as the Ask page offers them, with comments."""
HAPPY: Sequence[str] = ("", "", "", "Exactly what I needed.", "The jump to the right second is great.", "Clear.")
