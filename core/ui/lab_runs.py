"""The Prompt Lab's tab of experiments: the form, what it would take, and the runs as they arrive.

Experiments run in the process, not in the page: a closed tab loses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.errors import InputError
from core.lab.progress import Progress
from core.models import Experiment, ExperimentState, Run
from core.phrases import one_line
from core.services import Services
from core.ui import lab_estimate, lab_form
from core.ui.components import empty_state
from core.ui.errors import callback, guard, show_pending_error
from core.ui.lab_words import titles
from core.ui.text import count, escape_markdown, money, shorten, span_of_time

_CHOSEN, _PLACE = "lab-experiment", "lab-experiments"
_TICK_S = 1.0
_LATEST = 50
_NO_MODEL = "Set `OPENAI_API_KEY`, or `OPENAI_BASE_URL` for a server of your own, and start again."
_STATES = {
    ExperimentState.RUNNING: ":blue[:material/play_circle:] Running",
    ExperimentState.FINISHED: ":green[:material/check_circle:] Finished",
    ExperimentState.STOPPED: ":orange[:material/stop_circle:] Stopped",
    ExperimentState.CAPPED: ":orange[:material/savings:] Stopped at a cap or a budget",
    ExperimentState.FAILED: ":red[:material/error:] Ended early",
}
_MARKS = {True: "passed", False: "failed", None: ""}


def show(services: Services) -> None:
    """The whole tab."""
    if services.has_chat_model:
        _new(services)
    else:
        empty_state("science", "No chat model yet", _NO_MODEL)
    experiments = services.lab.experiments(limit=200)
    if not experiments:
        return
    st.subheader("Experiments", anchor=False)
    chosen = _choose(experiments, services.lab.active())
    if services.lab.progress(chosen).state is ExperimentState.RUNNING:
        _watch(services, chosen)
    else:
        _show(services, chosen)


def _new(services: Services) -> None:
    lab_form.draw(services.lab.choices())
    ready = False
    with guard():
        wanted = lab_form.spec()
        if wanted is None:
            st.caption("Choose templates and a test set to see what the experiment would take.")
        else:
            lab_estimate.show(services, wanted)
            ready = True
    st.button(
        "Run", type="primary", icon=":material/play_arrow:", key=lab_form.RUN, disabled=not ready,
        on_click=callback(_start, place=lab_form.RUN), args=(services,),
    )  # fmt: skip
    show_pending_error(lab_form.RUN)


def _start(services: Services) -> None:
    wanted = lab_form.spec()
    if wanted is None:
        raise InputError("There is nothing to run yet", hint="Choose templates and a test set.")
    st.session_state[_CHOSEN] = services.lab.start(services.lab.plan(wanted), user="")


def _choose(experiments: Sequence[Experiment], active: Sequence[str]) -> str:
    """The id of the experiment that is shown: the one that was started last, unless another is picked."""
    by_id = {found.experiment_id: found for found in experiments}
    if st.session_state.get(_CHOSEN) not in by_id:
        st.session_state[_CHOSEN] = active[0] if active and active[0] in by_id else experiments[0].experiment_id
    called = titles(experiments)
    picked: str = st.selectbox(
        "Experiment", list(by_id), key=_CHOSEN, label_visibility="collapsed",
        format_func=lambda key: called.get(key, str(key)),
    )  # fmt: skip
    return picked


@st.fragment(run_every=_TICK_S)
def _watch(services: Services, experiment_id: str) -> None:
    with guard():
        _show(services, experiment_id)
    if services.lab.progress(experiment_id).ended:
        st.rerun()


def _show(services: Services, experiment_id: str) -> None:
    progress = services.lab.progress(experiment_id)
    with st.container(border=True, key="lab-progress"):
        ended = progress.done + progress.failed
        st.markdown(_STATES[progress.state] + (", finishing the calls under way" if progress.stopping else ""))
        st.progress(ended / progress.total if progress.total else 1.0, text=escape_markdown(progress_line(progress)))
        if progress.error:
            st.warning(escape_markdown(progress.error), icon=":material/info:")
        _actions(services, progress)
        show_pending_error(_PLACE)
    latest = services.lab.latest(experiment_id, _LATEST)
    if latest:
        st.caption(f"The latest {len(latest)} of {count(ended, 'run')}")
        _table(latest)


def progress_line(progress: Progress) -> str:
    """Counts, spend and time left, as plain text."""
    parts = [f"{progress.done + progress.failed:,} of {progress.total:,}"]
    if progress.failed:
        parts.append(f"{progress.failed:,} failed")
    if progress.cached:
        parts.append(f"{progress.cached:,} from earlier runs")
    spent = "cost unknown" if progress.spent_usd is None else f"{money(progress.spent_usd)} spent"
    parts.append(spent if progress.max_cost_usd is None else f"{spent} of at most {money(progress.max_cost_usd)}")
    if progress.waits_s >= 1:
        parts.append(f"the model server asks to wait {span_of_time(progress.waits_s)}")
    elif progress.time_left_s is not None and not progress.ended:
        parts.append(f"about {span_of_time(progress.time_left_s)} left")
    return " · ".join(parts)


def _actions(services: Services, progress: Progress) -> None:
    key = progress.experiment_id
    if not progress.ended:
        st.button(
            "Stop", icon=":material/stop:", key="lab-stop", disabled=progress.stopping,
            on_click=callback(services.lab.stop, place=_PLACE), args=(key,),
        )  # fmt: skip
    elif progress.pending or progress.failed:
        _resume(services, progress)


def _resume(services: Services, progress: Progress) -> None:
    """The missing cells, and those that failed; with another cap where it was reached."""
    cap = None
    if progress.max_cost_usd is not None:
        cap = st.number_input("Cap in US dollars", 0.0, None, progress.max_cost_usd, key="lab-new-cap", format="%.4f")
    what = [count(progress.pending, "missing cell")] if progress.pending else []
    what += [f"{progress.failed:,} that failed"] if progress.failed else []
    st.button(
        f"Run the {' and the '.join(what)}", icon=":material/resume:", key="lab-resume",
        on_click=callback(services.lab.resume, place=_PLACE), args=(progress.experiment_id,),
        kwargs={"max_cost_usd": cap, "failed_too": True},
    )  # fmt: skip


def _table(runs: Sequence[Run]) -> None:
    rows = [_row(run) for run in runs]
    st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=_COLUMNS, alt="The runs that ended last")


_COLUMNS = {
    "Outcome": st.column_config.TextColumn(width="small"),
    "Output": st.column_config.TextColumn(width="large"),
    "Cost": st.column_config.NumberColumn(width="small", format="$%.6f"),
    "ms": st.column_config.NumberColumn(width="small", format="%.0f"),
    "Trace": st.column_config.LinkColumn(width="small", display_text="open"),
}


def _row(run: Run) -> dict[str, object]:
    version = "" if run.version is None else f"@{run.version}"
    row: dict[str, object] = {
        "Template": one_line(f"{run.template}{version}"),
        "Model": one_line(run.model),
        "Temp.": run.temperature,
        "Case": one_line(run.case_id),
        "Outcome": "error" if run.error else _MARKS[run.passed],
    }
    row |= {one_line(label): score.value for label, score in run.scores.items()}
    output = run.error or run.output or ""
    tokens = (run.usage.prompt_tokens, run.usage.completion_tokens)
    return row | {
        "Output": shorten(output, 300),
        "Tokens": None if None in tokens else sum(token for token in tokens if token is not None),
        "Cost": run.cost_usd,
        "ms": run.latency_ms,
        "Cached": run.cached,
        "Trace": f"/traces?trace={run.trace_id}" if run.trace_id else None,
    }
