"""The Prompt Lab's tab of results: the verdict first, then what it rests on."""

from __future__ import annotations

import json
from time import monotonic, perf_counter

import streamlit as st

from core.errors import NotFound
from core.lab.metrics import Metric
from core.lab.progress import Progress
from core.lab.results import Results
from core.lab.summary import experiment_document, to_csv
from core.lab.variants import Variant
from core.lab.verdict import Verdict, verdict
from core.models import Experiment
from core.services import Services
from core.ui import lab_outputs, lab_panels, sample, sample_making
from core.ui.components import empty_state, notices
from core.ui.errors import show_error
from core.ui.lab_words import titles
from core.ui.text import count, escape_markdown, span_of_time

ADDRESS = "experiment"
"""In the address of the page: the experiment that is shown."""
_EXPERIMENT, _METRIC, _BASELINE = "lab-results", "lab-metric", "lab-baseline"
_LOADED, _JUDGED = "lab-results-loaded", "lab-results-judged"
_MOST = 200
_TICK_S, _REST = 2.0, 5.0


def show(services: Services) -> None:
    """The whole tab."""
    experiments = services.lab.experiments(limit=_MOST)
    if not experiments:
        empty_state("leaderboard", "No results yet", "Run an experiment: what it finds will stand here.")
        sample_making.offer(services)
        return
    with st.grid(3, min_column_width=220):
        experiment = _experiment(services, experiments)
        progress = services.lab.progress(experiment.experiment_id)
        results = _load(services, progress)
        metric = _metric(results)
        baseline = _baseline(results)
    if not progress.ended:
        _follow(services, progress)
    if experiment.sample:
        st.markdown(f"{sample.BADGE} Made up, not yours: no model wrote these outputs. Their scores are computed.")
    found = _judge(results, metric, baseline)
    _verdict(found)
    if metric is not None and baseline is not None:
        lab_panels.charts(results, metric, baseline, found)
        lab_panels.flips(results, metric, baseline)
        lab_panels.cases(results, metric)
    if baseline is not None:
        lab_outputs.show(results, baseline)
    _downloads(progress, results, metric, baseline)


def _experiment(services: Services, experiments: list[Experiment]) -> Experiment:
    """The one that the address names, else the newest."""
    by_id = {found.experiment_id: found for found in experiments}
    wanted = st.query_params.get(ADDRESS)
    if wanted and wanted not in by_id:
        try:
            by_id[wanted] = services.lab.experiment(wanted)
        except NotFound as error:
            show_error(error)
    if wanted in by_id:
        st.session_state[_EXPERIMENT] = wanted
    elif st.session_state.get(_EXPERIMENT) not in by_id:
        st.session_state[_EXPERIMENT] = next(iter(by_id))
    called = titles(list(by_id.values()))
    picked = st.selectbox(
        "Experiment", list(by_id), key=_EXPERIMENT, on_change=_remember,
        format_func=lambda key: called.get(key, str(key)),
    )  # fmt: skip
    return by_id[picked]


def _remember() -> None:
    st.query_params[ADDRESS] = st.session_state[_EXPERIMENT]


def _load(services: Services, progress: Progress) -> Results:
    """Read anew only when a cell has ended since: a click must not read thousands of outputs again."""
    state = _state_of(progress)
    kept = st.session_state.get(_LOADED)
    if kept is None or kept[0] != state:
        began = perf_counter()
        results = services.lab.results(progress.experiment_id)
        kept = (state, results, perf_counter() - began)
        st.session_state[_LOADED] = kept
    loaded: Results = kept[1]
    return loaded


def _metric(results: Results) -> Metric | None:
    by_key = {metric.key: metric for metric in results.metrics}
    if not by_key:
        return None
    first = (results.quality or results.metrics)[0].key
    if st.session_state.get(_METRIC) not in by_key:
        st.session_state[_METRIC] = first
    less = " (less is better)"
    picked = st.selectbox(
        "Metric", list(by_key), key=_METRIC,
        format_func=lambda key: by_key[key].title + less * by_key[key].lower_is_better if key in by_key else str(key),
    )  # fmt: skip
    return by_key[picked]


def _baseline(results: Results) -> Variant | None:
    if results.baseline is None:
        return None
    by_name = {name: variant for variant, name in results.names.items()}
    if st.session_state.get(_BASELINE) not in by_name:
        st.session_state[_BASELINE] = results.names[results.baseline]
    return by_name[st.selectbox("Baseline", list(by_name), key=_BASELINE)]


def _follow(services: Services, shown: Progress) -> None:
    """Draws the page anew as cells end, but never so often that reading them is most of the work."""
    pause_s, drawn = max(_TICK_S, _REST * st.session_state[_LOADED][2]), monotonic()

    @st.fragment(run_every=pause_s)
    def watch() -> None:
        now = services.lab.progress(shown.experiment_id)
        # Not in the run of the page itself: what comes below would never be drawn while cells arrive.
        if _state_of(now) != _state_of(shown) and monotonic() - drawn > pause_s / 2:
            st.rerun()
        st.caption(f":material/hourglass_top: {_so_far(now)}")

    watch()


def _so_far(progress: Progress) -> str:
    left = "" if progress.time_left_s is None else f", about {span_of_time(progress.time_left_s)} left"
    ended = progress.done + progress.failed
    return f"Still running: {ended:,} of {count(progress.total, 'cell')} so far{left}. What stands here follows."


def _state_of(progress: Progress) -> tuple[object, ...]:
    """Where it is another, something else would be shown."""
    return progress.experiment_id, progress.done, progress.failed, progress.total, progress.ended


def _judge(results: Results, metric: Metric | None, baseline: Variant | None) -> Verdict:
    """The verdict, kept for the next click: on thousands of cases it takes a second."""
    kept = st.session_state.get(_JUDGED)
    if kept is None or kept[0] is not results or kept[1] != (metric, baseline):
        kept = (results, (metric, baseline), verdict(results, metric, baseline))
        st.session_state[_JUDGED] = kept
    found: Verdict = kept[2]
    return found


def _verdict(found: Verdict) -> None:
    with st.container(border=True, key="lab-verdict"):
        st.markdown(f"#### {escape_markdown(found.headline.rstrip('.'))}.")
        notices([f"{note}." for note in found.notes])
        if len(found.lines) > 1:
            with st.expander(f"Each of {len(found.lines)} variants against the baseline"):
                st.markdown("\n".join(f"* {escape_markdown(line.sentence)}" for line in found.lines))


def _downloads(progress: Progress, results: Results, metric: Metric | None, baseline: Variant | None) -> None:
    def to_json() -> str:
        document = experiment_document(progress, results, metric, baseline)
        return json.dumps(document, ensure_ascii=True, indent=2, allow_nan=False)

    with st.container(horizontal=True):
        st.download_button(
            "CSV", lambda: to_csv(results), "cuepoint-experiment.csv", "text/csv", icon=":material/download:",
            on_click="ignore", key="lab-csv", help="A line for each cell",
        )  # fmt: skip
        st.download_button(
            "JSON", to_json, "cuepoint-experiment.json", "application/json", icon=":material/download:",
            on_click="ignore", key="lab-json", help="Verdict, summary and cells, as `lab run --json` prints them",
        )  # fmt: skip
