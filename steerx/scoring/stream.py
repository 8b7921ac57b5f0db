"""score: codes -> images -> scores, streamed through any callable."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .._seeds import Seeds
from ..generators import Generator
from ..generators.generator import Codes, CodeSpace
from ..generators.labels import Label
from ..rendering import NoiseMode
from .batches import batches_of
from .journal import Journal
from .naming import scorer_named
from .pictures import pictures_of
from .scorers import Scorer, ScorerError, checked

if TYPE_CHECKING:
    from ..working import Crew


def score(
    G: Generator,
    scorer: Scorer | str,
    *,
    seeds: Seeds | None = None,
    codes: Codes | None = None,
    space: CodeSpace | None = None,
    psi: float = 1.0,
    cutoff: int | None = None,
    label: Label = None,
    noise_mode: NoiseMode = "const",
    noise_key: int = 0,
    batch: int | None = None,
    names: Sequence[str] | None = None,
    invalid: float | None = None,
    journal: str | os.PathLike[str] | None = None,
    scorer_name: str | None = None,
    watch: Callable[[int, int], object] | None = None,
    crew: Crew | None = None,
) -> Tensor:
    """Scores of the images of seeds or codes, rendered and scored batch by batch.

    One batch of images is in memory at a time; only scores are kept. Where memory runs out the batch is
    halved and a warning says so. With a journal, a run that was cut short (by an error, Ctrl-C, or
    SIGKILL) goes on where it was when it is started with the same arguments, by any crew; at most one
    batch is scored again, of a crew all that came before the slowest worker's. The journal stays when all
    is done: remove it when the scores are safe.

    Args:
        G: the generator.
        scorer: any callable: float images [N, 3, H, W] in [-1, 1] on the generator's device -> [N, A']
            or [N]. Or the name of one: "faces", "module:name" or "path/to/file.py:name", whose code is imported
            and run.
        seeds: integers or text such as "0-99".
        codes: z [N, Z], w [N, D], w_plus [N, L, D] or styles, instead of seeds.
        space: which of these the codes are; must be told for [N, Z] and [N, D].
        psi, cutoff: truncation of z and w; w_plus and styles are rendered as they are.
        label: class of a conditional network, for seeds and z.
        noise_mode: "const", "random", "none" or "sample" (drawn by seed, or by row of the codes).
        noise_key: key of the "sample" draw.
        batch: images rendered at once; None = by resolution.
        names: of the attributes, for messages; one per column.
        invalid: score that marks an image without one; NaN is refused unless it is this.
        journal: file that keeps the scores of a run on its way (see `steerx.scoring.journal`).
        scorer_name: how the journal knows the scorer again; None = its name. A changed
            scorer of the same name is not noticed.
        watch: is told (images scored, images) before the first batch and after each.
        crew: workers that render and score (`steerx.working.Crew`), each on one thread; None = this process.
            They need a scorer by its name.

    Returns:
        Scores [N, A'] float32 on the CPU. *close* for any batch, *repeatable* for the same one, also of a
        run that went on from its journal, unless noise is "random" or the scorer remembers its calls.

    Raises:
        ScorerError: a ValueError: a scorer that raised, or whose result is no [N, A'] of finite numbers.
            It names the image, and holds what was scored before.
        JournalError: a ValueError: the journal belongs to another scoring.
        CrewError: a ValueError: workers cannot be had, or the same batch ended three of them.
        ValueError: codes that do not fit.
        OSError: the journal cannot be written.
    """
    if crew is not None:
        if not isinstance(scorer, str):
            raise ValueError(
                f"score: workers cannot be given {_name_of(scorer)}, they load a scorer by its name; give "
                'scorer="faces", "module:function" or "path/to/file.py:function"'
            )
        if noise_mode == "random":
            raise ValueError(
                'score: random noise depends on who draws it; with a crew take noise_mode="sample"'
            )
    pictures = pictures_of(
        G,
        seeds=seeds,
        codes=codes,
        space=space,
        psi=psi,
        cutoff=cutoff,
        label=label,
        noise_mode=noise_mode,
        noise_key=noise_key,
    )
    batches = batches_of("score", G, batch)
    total = len(pictures)
    # Scores [N, A'] once A' is known: one block, that small ones do not scatter.
    seen = torch.empty(0)

    judge = scorer
    if isinstance(scorer, str) and crew is None:
        judge = scorer_named("score", scorer, G.device)

    def scored(places: Sequence[int]) -> Tensor:
        assert callable(judge)
        before = [seen] if len(seen) else []
        return pictures.scored(judge, places, before, names=names, invalid=invalid)

    with contextlib.ExitStack() as stack:
        log, done = None, 0
        if journal is not None:
            known = pictures.fingerprint() | {
                "scorer": scorer_name or _name_of(scorer),
                "names": None if names is None else list(names),
            }
            log = stack.enter_context(Journal(journal, known))
            done = log.resume(pictures.numbers, batches.size)
            if log.scores is not None:
                seen = torch.empty(total, log.scores.shape[1], dtype=torch.float32)
                seen[:done] = log.scores
        if watch is not None:
            watch(done, total)
        try:
            over: Iterator[tuple[Sequence[int], Tensor]]
            if crew is None or not isinstance(scorer, str):
                over = batches.over(range(done, total), scored)
            else:
                # Here: it imports the workers' module, which must be able to run as a program.
                from .crewed import scored_by

                told = scored_by(
                    crew,
                    pictures,
                    scorer,
                    range(done, total),
                    batches.size,
                    batch=batch,
                    names=names,
                    invalid=invalid,
                )
                over = stack.enter_context(contextlib.closing(told))
            for places, scores in over:
                before = [seen] if len(seen) else []  # workers do not know each other's
                checked("score", scores, len(scores), before, names=names, invalid=invalid)
                if log is not None:
                    log.append([pictures.numbers[n] for n in places], scores)
                if not len(seen):
                    seen = torch.empty(total, scores.shape[1], dtype=torch.float32)
                seen[done : done + len(places)] = scores
                done += len(places)
                if watch is not None:
                    watch(done, total)
        except ScorerError as error:
            kept = "the error's .scored" if log is None else str(log.path)
            raise ScorerError(
                f"{error}; {done} of {total} are scored" + (f", in {kept}" if done else ""),
                images=error.images,
                scored=seen[:done].clone() if done else None,
            ) from error.__cause__
    return seen  # made outside inference mode: scores may go where gradients are asked for


def _name_of(scorer: Scorer | str) -> str:
    """Module and name of a callable, or of its class."""
    if isinstance(scorer, str):
        return scorer
    named = scorer if hasattr(scorer, "__qualname__") else type(scorer)
    return f"{named.__module__}:{named.__qualname__}"
