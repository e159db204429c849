"""A BERT of 2 layers with random weights and a vocabulary of its own, and a plain forward pass to compare with."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from math import erf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from core.adapters.model_files import CONFIG, TOKENIZER, WEIGHTS, PublishedModel

Array = NDArray[Any]
HIDDEN, HEADS, LAYERS, POSITIONS = 32, 4, 2, 24
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "the", "cat", "dog", "sat", "ran", "on", "mat", "home", "far"]
WORDS += ["##s", "##ing", "walk"]


def write_tiny_bert(folder: Path, *, seed: int = 7) -> PublishedModel:
    """Writes weights, configuration and tokenizer; fetches nothing, because no address is given."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WEIGHTS).write_bytes(_safetensors(tiny_weights(seed)))
    (folder / CONFIG).write_text(json.dumps(tiny_config()))
    (folder / TOKENIZER).write_text(_tokenizer())
    files = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (WEIGHTS, CONFIG, TOKENIZER)}
    return PublishedModel(
        name="tiny-bert",
        dimensions=HIDDEN,
        max_tokens=12,
        package="",
        requirement="tiny-bert==1",
        address="",
        files=files,
        max_bytes=1_000_000,
    )


def tiny_config() -> dict[str, Any]:
    return {"num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "hidden_size": HIDDEN, "layer_norm_eps": 1e-12}


def tiny_weights(seed: int) -> dict[str, Array]:
    """Larger than trained ones, so that a wrong axis or a missing bias shows."""
    dice = np.random.default_rng(seed)

    def draw(*shape: int) -> Array:
        return dice.normal(0, 0.5, shape).astype(np.float32)

    weights = {
        "embeddings.word_embeddings.weight": draw(len(WORDS), HIDDEN),
        "embeddings.position_embeddings.weight": draw(POSITIONS, HIDDEN),
        "embeddings.token_type_embeddings.weight": draw(2, HIDDEN),
    }
    norms = ["embeddings.LayerNorm"]
    for layer in (f"encoder.layer.{n}" for n in range(LAYERS)):
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            weights |= {f"{layer}.attention.{part}.weight": draw(HIDDEN, HIDDEN)}
            weights |= {f"{layer}.attention.{part}.bias": draw(HIDDEN)}
        weights |= {
            f"{layer}.intermediate.dense.weight": draw(64, HIDDEN),
            f"{layer}.intermediate.dense.bias": draw(64),
        }
        weights |= {f"{layer}.output.dense.weight": draw(HIDDEN, 64), f"{layer}.output.dense.bias": draw(HIDDEN)}
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
    for norm in norms:
        weights |= {f"{norm}.weight": 1 + draw(HIDDEN), f"{norm}.bias": draw(HIDDEN)}
    return weights


def forward(weights: Mapping[str, Array], config: Mapping[str, Any], ids: Sequence[int]) -> Array:
    """One text's unit vector, written from the paper in plain numpy, in double precision and without padding."""
    w = {name: value.astype(np.float64) for name, value in weights.items()}
    eps = config["layer_norm_eps"]

    def linear(name: str, x: Array) -> Array:
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(name: str, x: Array) -> Array:
        centred = x - x.mean(axis=-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + eps)
        return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]

    def attention(name: str, x: Array) -> Array:
        heads = config["num_attention_heads"]
        q, k, v = (
            linear(f"{name}.self.{part}", x).reshape(len(x), heads, -1).swapaxes(0, 1)
            for part in ("query", "key", "value")
        )
        scores = q @ k.swapaxes(1, 2) / np.sqrt(q.shape[-1])
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        return (shares @ v).swapaxes(0, 1).reshape(len(x), -1)

    x = w["embeddings.word_embeddings.weight"][list(ids)] + w["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm("embeddings.LayerNorm", x + w["embeddings.token_type_embeddings.weight"][0])
    for layer in (f"encoder.layer.{n}" for n in range(config["num_hidden_layers"])):
        attended = linear(f"{layer}.attention.output.dense", attention(f"{layer}.attention", x))
        x = norm(f"{layer}.attention.output.LayerNorm", x + attended)
        inner = linear(f"{layer}.intermediate.dense", x)
        inner = inner * 0.5 * (1 + np.vectorize(erf)(inner / np.sqrt(2)))
        x = norm(f"{layer}.output.LayerNorm", x + linear(f"{layer}.output.dense", inner))
    mean = x.mean(axis=0)
    return mean / np.linalg.norm(mean)


def _safetensors(weights: Mapping[str, Array]) -> bytes:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    body = b""
    for name, value in weights.items():
        data = value.tobytes()
        offsets = [len(body), len(body) + len(data)]
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": offsets}
        body += data
    head = json.dumps(header).encode()
    return struct.pack("<Q", len(head)) + head + body


def _tokenizer() -> str:
    tokenizer = Tokenizer(models.WordPiece({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer.to_str()
